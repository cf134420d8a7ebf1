import type { CallRecord } from '../../proto/gen/mcpgw/events/v1/CallRecord.ts';

/** Longest text of a record’s field, in UTF-16 units: the subject of an issuer’s token fits. */
const textLengthMax = 512;
/** Longest target: a resource's URI may be long. */
const targetLengthMax = 2048;
/** Roles or scopes of a caller: an issuer may give many, and long ones. */
const namesMax = 256;
const nameLengthMax = 256;

const texts = [
  'callId',
  'organizationId',
  'subject',
  'credentialId',
  'serverId',
  'endpointId',
  'era',
  'reason',
  'traceId',
  'clientAddress',
  'outcome',
  'clientName',
  'clientVersion',
  'policyError',
] as const satisfies readonly (keyof CallRecord)[];

function boundedNames(names: readonly string[]): string[] {
  return names.slice(0, namesMax).map((name) => name.slice(0, nameLengthMax).toWellFormed());
}

/** The record with every text in bounds and well-formed: some of them are the client's choice. */
export function boundedCallRecord(call: CallRecord): CallRecord {
  const bounded = {
    ...call,
    method: call.method.slice(0, textLengthMax).toWellFormed(),
    target: call.target.slice(0, targetLengthMax).toWellFormed(),
    principalRoles: boundedNames(call.principalRoles),
    principalScopes: boundedNames(call.principalScopes),
  };
  for (const field of texts) {
    if (call[field].length > textLengthMax) bounded[field] = call[field].slice(0, textLengthMax);
  }
  return bounded;
}
