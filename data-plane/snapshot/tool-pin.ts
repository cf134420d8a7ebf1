import type { PolicyPin } from '../../common/policy/policy-call.ts';

/** A tool definition that an admin of the organization has approved. */
export interface ToolPinEntry {
  readonly id: string;
  readonly organizationId: string;
  readonly serverId: string;
  readonly pin: PolicyPin;
}
