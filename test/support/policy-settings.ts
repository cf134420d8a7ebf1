import type { OrganizationRow } from '../../control-plane/snapshot/organization-resource.ts';
import type { OrganizationEntry } from '../../data-plane/snapshot/snapshot.ts';
import type { CallRecord } from '../../proto/gen/mcpgw/events/v1/CallRecord.ts';

/** An organization's settings about policies as its row is made with. */
export const policyColumns = {
  policyDefault: 'allow',
  toolRefusalForm: 'json_rpc_error',
  argumentRecording: 'off',
  argumentBytesMax: 16_384,
  policyHeaders: [],
} as const satisfies Partial<OrganizationRow>;

/** The same as a node has them. */
export const policySettings = {
  policyDefault: 'allow',
  toolRefusalForm: 'json-rpc-error',
  argumentRecording: 'off',
  argumentBytesMax: 16_384,
  policyHeaders: [],
} as const satisfies Partial<OrganizationEntry>;

/** What a record says of a call that no policy had a part in. */
export const undecidedCall = {
  policyId: '',
  policyRevision: 0,
  shadowDecisions: [],
  principalRoles: [],
  principalScopes: [],
  credentialKind: 'api_key',
  clientName: '',
  clientVersion: '',
  headers: [],
  argumentState: 'ARGUMENT_STATE_NONE',
  arguments: Buffer.alloc(0),
  policyError: '',
} as const satisfies Partial<Record<keyof CallRecord, unknown>>;
