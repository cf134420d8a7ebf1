import { randomUUID } from 'node:crypto';
import { type ClientDuplexStream, credentials, Metadata } from '@grpc/grpc-js';
import { contracts, grpcMessageBytesMax } from '../../common/contracts.ts';
import type { CallRecordInput } from '../../proto/gen/mcpgw/events/v1/CallRecord.ts';
import type { EventInput } from '../../proto/gen/mcpgw/events/v1/Event.ts';
import type { EventAcknowledgment } from '../../proto/gen/mcpgw/events/v1/EventAcknowledgment.ts';
import type { EventBatchInput } from '../../proto/gen/mcpgw/events/v1/EventBatch.ts';
import type { StreamStatus } from './control-stream-client.ts';

/** A call's event with everything set that a node sets. */
export function callEvent(
  sequence: number,
  organizationId: string,
  fields: CallRecordInput = {},
): EventInput {
  return {
    sequence,
    call: {
      callId: randomUUID(),
      phase: 'CALL_PHASE_COMPLETE',
      startedAtMs: Date.now(),
      organizationId,
      subject: 'service:agent',
      era: 'legacy',
      method: 'tools/call',
      target: 'echo',
      decision: 'DECISION_ALLOWED',
      httpStatus: 200,
      totalDurationUs: 1234,
      requestBytes: 100,
      responseBytes: 200,
      outcome: 'completed',
      ...fields,
    },
  };
}

/** A node that reports events and waits for acknowledgments. */
export class ScriptedReporter {
  readonly ended: Promise<StreamStatus>;
  readonly acknowledgments: EventAcknowledgment[] = [];
  readonly #client: InstanceType<typeof contracts.events.EventIngest>;
  readonly #call: ClientDuplexStream<EventBatchInput, EventAcknowledgment>;
  readonly #waiting: ((acknowledgment: EventAcknowledgment) => void)[] = [];

  constructor(address: string, token: string) {
    this.#client = new contracts.events.EventIngest(address, credentials.createInsecure(), {
      'grpc.max_receive_message_length': grpcMessageBytesMax,
      'grpc.max_send_message_length': grpcMessageBytesMax,
      'grpc.use_local_subchannel_pool': 1,
    });
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${token}`);
    this.#call = this.#client.StreamEvents(metadata);
    const ended = Promise.withResolvers<StreamStatus>();
    this.ended = ended.promise;
    this.#call.on('error', () => undefined);
    this.#call.on('status', ({ code, details }: StreamStatus) => {
      ended.resolve({ code, details });
      this.#client.close();
    });
    this.#call.on('data', (acknowledgment: EventAcknowledgment) => {
      this.acknowledgments.push(acknowledgment);
      this.#waiting.shift()?.(acknowledgment);
    });
  }

  /** Sends a batch; resolves with its acknowledgment. @throws when the stream ends first. */
  async report(spoolId: string, events: readonly EventInput[]): Promise<EventAcknowledgment> {
    const acknowledged = Promise.withResolvers<EventAcknowledgment>();
    this.#waiting.push(acknowledged.resolve);
    this.#call.write({ spoolId, events: [...events] });
    return Promise.race([
      acknowledged.promise,
      this.ended.then(({ code, details }) => {
        throw new Error(`The stream ended: ${code} ${details}`);
      }),
    ]);
  }

  async close(): Promise<void> {
    this.#call.cancel();
    await this.ended;
  }
}
