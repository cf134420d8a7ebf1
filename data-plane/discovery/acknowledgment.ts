import type { AcknowledgmentInput } from '../../proto/gen/mcpgw/discovery/v1/Acknowledgment.ts';
import type { HeldResource } from '../snapshot/held-resource.ts';

/** So many refusals fit into one gRPC message; more than that, and the control plane is at fault. */
const rejectedMax = 20_000;

/** ACK or NACK of a range that has been applied. */
export function acknowledgment(
  nonce: string,
  revision: number,
  rejected: Iterable<HeldResource>,
): AcknowledgmentInput {
  return {
    nonce,
    revision,
    rejected: [...rejected].slice(0, rejectedMax).map(({ received, refusal }) => ({
      type: received.type,
      name: received.name,
      version: received.version,
      path: refusal?.path ?? '',
      message: refusal?.message ?? '',
    })),
  };
}
