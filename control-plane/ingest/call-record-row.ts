import type { CallRecord } from '../../proto/gen/mcpgw/events/v1/CallRecord.ts';
import type { ArgumentState } from '../store/entities/request-log.ts';

/** A row of `request_logs` before it gets its id. Keys are the columns. */
export interface CallRecordRow {
  readonly organization_id: string;
  readonly call_id: string;
  readonly phase: 'complete' | 'start' | 'end';
  readonly started_at: string;
  readonly subject: string;
  readonly credential_id: string;
  readonly server_id: string | null;
  readonly endpoint_id: string | null;
  readonly era: 'legacy' | 'modern' | null;
  readonly method: string;
  readonly target: string;
  readonly decision: 'allowed' | 'refused' | 'failed';
  readonly reason: string;
  readonly http_status: number;
  readonly rpc_error_code: number;
  readonly upstream_duration_us: number;
  readonly total_duration_us: number;
  readonly request_bytes: number;
  readonly response_bytes: number;
  readonly trace_id: string;
  readonly client_address: string;
  readonly config_revision: number;
  readonly outcome: string;
  readonly policy_id: string | null;
  readonly policy_revision: number | null;
  /** Null: none. */
  readonly shadow_decisions: readonly ShadowDecisionRow[] | null;
  readonly principal_roles: readonly string[];
  readonly principal_scopes: readonly string[];
  readonly credential_kind: 'api_key' | 'access_token' | null;
  readonly client_name: string;
  readonly client_version: string;
  readonly headers: Readonly<Record<string, string>> | null;
  readonly argument_state: ArgumentState;
  /** JSON as the node wrote it. */
  readonly arguments: string | null;
  readonly policy_error: string;
}

interface ShadowDecisionRow {
  readonly policyId: string;
  readonly revision: number;
  readonly outcome: 'would_deny' | 'would_allow' | 'would_fail';
}

/** An event that can't be written, with the sentence that says why. */
export class EventViolation extends Error {
  override readonly name = 'EventViolation';
}

const textLengthMax = 1024;
const targetLengthMax = 8192;
const httpStatusMax = 999;
const namesMax = 1000;
const nameLengthMax = 256;
const errorLengthMax = 400;
const shadowDecisionsMax = 8;
const headersMax = 20;
const argumentBytesMax = 131_072;
const argumentDepthMax = 256;
/** Year 9999: what PostgreSQL and everything that reads from it can show. */
const timeMsMax = 253_402_300_799_999;
const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const phases = {
  CALL_PHASE_COMPLETE: 'complete',
  CALL_PHASE_START: 'start',
  CALL_PHASE_END: 'end',
} as const;
const decisions = {
  DECISION_ALLOWED: 'allowed',
  DECISION_REFUSED: 'refused',
  DECISION_FAILED: 'failed',
} as const;

const credentialKinds = { api_key: 'api_key', access_token: 'access_token' } as const;
const shadowOutcomes = {
  SHADOW_OUTCOME_WOULD_DENY: 'would_deny',
  SHADOW_OUTCOME_WOULD_ALLOW: 'would_allow',
  SHADOW_OUTCOME_WOULD_FAIL: 'would_fail',
} as const;
const argumentStates = {
  // A node of a release before says nothing of arguments.
  ARGUMENT_STATE_UNSPECIFIED: 'none',
  ARGUMENT_STATE_NONE: 'none',
  ARGUMENT_STATE_OFF: 'off',
  ARGUMENT_STATE_REDACTED: 'redacted',
  ARGUMENT_STATE_FULL: 'full',
  ARGUMENT_STATE_TOO_LARGE: 'too_large',
} as const;

/** @throws {EventViolation} unless the value is one that the table knows. */
function known<Value extends string>(
  field: string,
  table: Readonly<Record<string, Value>>,
  key: string,
): Value {
  const value = Object.hasOwn(table, key) ? table[key] : undefined;
  if (value === undefined) throw new EventViolation(`${field} is unknown`);
  return value;
}

/** @throws {EventViolation} when a text is too long or holds what PostgreSQL can't store. */
export function storableText(field: string, text: string, lengthMax = textLengthMax): string {
  if (text.length > lengthMax) throw new EventViolation(`${field} is longer than ${lengthMax}`);
  if (text.includes('\0')) throw new EventViolation(`${field} holds NUL`);
  return text.toWellFormed();
}

/**
 * A text of the client's own choosing. A call must not stay out of the record because its tool's name
 * holds NUL, so that what can't be stored is replaced and what is too long is cut.
 */
function clientText(text: string, lengthMax: number): string {
  return text.slice(0, lengthMax).replaceAll('\0', '\ufffd').toWellFormed();
}

/** @throws {EventViolation} unless it is a UUID. */
export function uuid(field: string, text: string): string {
  if (!uuidPattern.test(text)) throw new EventViolation(`${field} is no UUID`);
  return text.toLowerCase();
}

function optionalUuid(field: string, text: string): string | null {
  return text === '' ? null : uuid(field, text);
}

/** @throws {EventViolation} when the number is beyond what both sides can hold exactly. */
export function count(field: string, value: number): number {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new EventViolation(`${field} is out of range`);
  return value;
}

/** Milliseconds since the Unix epoch as a timestamp. @throws {EventViolation} when it is none. */
export function timestamp(field: string, ms: number): string {
  if (!(ms > 0 && ms <= timeMsMax)) throw new EventViolation(`${field} is no time`);
  return new Date(ms).toISOString();
}

function shadowDecisions({ shadowDecisions: decided }: CallRecord): ShadowDecisionRow[] | null {
  if (decided.length === 0) return null;
  return decided.slice(0, shadowDecisionsMax).map(({ policyId, policyRevision, outcome }) => ({
    policyId: uuid('shadow_decisions', policyId),
    revision: policyRevision,
    outcome: known('shadow_decisions', shadowOutcomes, outcome),
  }));
}

/** Roles and scopes: an issuer may choose them freely, and many. */
function names(texts: readonly string[]): string[] {
  return texts.slice(0, namesMax).map((text) => clientText(text, nameLengthMax));
}

function headers({ headers: recorded }: CallRecord): Record<string, string> | null {
  if (recorded.length === 0) return null;
  const named = recorded
    .slice(0, headersMax)
    .map(({ name, value }) => [clientText(name, nameLengthMax), clientText(value, textLengthMax)]);
  return Object.fromEntries(named) as Record<string, string>;
}

/** Whether a JSON value is nested deeper than nodes let in: what reads it later may recurse. */
function isTooDeep(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > argumentDepthMax) return true;
    level = level.flatMap((item) =>
      typeof item === 'object' && item !== null ? Object.values(item) : [],
    );
  }
  return false;
}

function parsedArguments(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new EventViolation('arguments are no JSON');
  }
}

/** @throws {EventViolation} when they are no JSON object, or beyond what any setting allows. */
function argumentsText({ arguments: bytes, argumentState }: CallRecord): string | null {
  const isKept =
    argumentState === 'ARGUMENT_STATE_REDACTED' || argumentState === 'ARGUMENT_STATE_FULL';
  if (isKept !== bytes.length > 0)
    throw new EventViolation('arguments are not as their state says');
  if (!isKept) return null;
  if (bytes.length > argumentBytesMax) throw new EventViolation('arguments are too long');
  const text = bytes.toString('utf8');
  const value = parsedArguments(text);
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isObject) throw new EventViolation('arguments are no object');
  if (isTooDeep(value)) throw new EventViolation('arguments are nested too deep');
  return text.toWellFormed();
}

function policyColumns(call: CallRecord) {
  const policyId = optionalUuid('policy_id', call.policyId);
  return {
    policy_id: policyId,
    policy_revision: policyId === null ? null : call.policyRevision,
    shadow_decisions: shadowDecisions(call),
    principal_roles: names(call.principalRoles),
    principal_scopes: names(call.principalScopes),
    credential_kind:
      call.credentialKind === ''
        ? null
        : known('credential_kind', credentialKinds, call.credentialKind),
    client_name: clientText(call.clientName, nameLengthMax),
    client_version: clientText(call.clientVersion, nameLengthMax),
    headers: headers(call),
    argument_state: known('argument_state', argumentStates, call.argumentState),
    arguments: argumentsText(call),
    policy_error: clientText(call.policyError, errorLengthMax),
  };
}

/**
 * The row of a call.
 * @throws {EventViolation} naming the first field that can't be written.
 */
export function callRecordRow(call: CallRecord): CallRecordRow {
  if (call.httpStatus > httpStatusMax) throw new EventViolation('http_status is out of range');
  const era = storableText('era', call.era);
  if (era !== '' && era !== 'legacy' && era !== 'modern')
    throw new EventViolation('era is unknown');
  return {
    organization_id: uuid('organization_id', call.organizationId),
    call_id: uuid('call_id', call.callId),
    phase: known('phase', phases, call.phase),
    started_at: timestamp('started_at_ms', call.startedAtMs),
    subject: storableText('subject', call.subject),
    credential_id: storableText('credential_id', call.credentialId),
    server_id: optionalUuid('server_id', call.serverId),
    endpoint_id: optionalUuid('endpoint_id', call.endpointId),
    era: era === '' ? null : era,
    method: clientText(call.method, textLengthMax),
    target: clientText(call.target, targetLengthMax),
    decision: known('decision', decisions, call.decision),
    reason: storableText('reason', call.reason),
    http_status: call.httpStatus,
    rpc_error_code: call.rpcErrorCode,
    upstream_duration_us: call.upstreamDurationUs,
    total_duration_us: call.totalDurationUs,
    request_bytes: count('request_bytes', call.requestBytes),
    response_bytes: count('response_bytes', call.responseBytes),
    trace_id: storableText('trace_id', call.traceId),
    client_address: storableText('client_address', call.clientAddress),
    config_revision: count('config_revision', call.configRevision),
    outcome: storableText('outcome', call.outcome),
    ...policyColumns(call),
  };
}
