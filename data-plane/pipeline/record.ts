import type { ReasonCode } from '../../common/reasons.ts';
import type { CallRecord } from '../../proto/gen/mcpgw/events/v1/CallRecord.ts';
import type { CallRecorder } from '../events/call-recorder.ts';
import { type Message, targetOf } from '../mcp/message.ts';
import type { CallFacts } from './call-facts.ts';

/** How an exchange ended for the client. */
export type CallOutcome =
  | 'completed'
  | 'client_closed'
  | 'upstream_closed'
  | 'timeout'
  | 'drained'
  | 'revoked';

export interface CallEnding {
  readonly decision: 'DECISION_ALLOWED' | 'DECISION_REFUSED' | 'DECISION_FAILED';
  readonly reason: ReasonCode | undefined;
  /** 0: none was sent. */
  readonly httpStatus: number;
  readonly rpcErrorCode: number;
  readonly responseBytes: number;
  readonly outcome: CallOutcome;
}

const noEnding: CallEnding = {
  decision: 'DECISION_ALLOWED',
  reason: undefined,
  httpStatus: 0,
  rpcErrorCode: 0,
  responseBytes: 0,
  outcome: 'completed',
};

const noBytes = Buffer.alloc(0);
const microsecondsMax = 0xffff_ffff;

function microseconds(ms: number): number {
  return Math.min(microsecondsMax, Math.max(0, Math.round(ms * 1_000)));
}

/** Name of what was called: the JSON-RPC method, `response` for a client's answer, the verb without a body. */
function methodOf(message: Message | undefined, facts: CallFacts): string {
  if (message === undefined) return facts.httpMethod;
  return message.kind === 'response' ? 'response' : message.method;
}

/** A task stands for the tool whose call made it. */
function targetFor(message: Message | undefined, { taskTool }: CallFacts): string {
  return message === undefined ? '' : targetOf(message) || taskTool;
}

function credentialKindOf({ principal }: CallFacts): string {
  if (principal === undefined) return '';
  return principal.token === undefined ? 'api_key' : 'access_token';
}

const shadowOutcomes = {
  would_deny: 'SHADOW_OUTCOME_WOULD_DENY',
  would_allow: 'SHADOW_OUTCOME_WOULD_ALLOW',
  would_fail: 'SHADOW_OUTCOME_WOULD_FAIL',
} as const;

/** Reasons that policies refuse by. */
const policyReasons: ReadonlySet<string> = new Set<ReasonCode>([
  'policy_denied',
  'policy_not_allowed',
  'policy_evaluation_failed',
]);

/** What stands for policies where another stage decided. */
const undecided = { policyId: '', policyRevision: 0, policyError: '' };

/** A message that shares a batch with a denied one is denied by the same policy. */
function policyFields({ decided }: CallFacts, index: number, ending: CallEnding) {
  const own = decided?.decisions[index];
  const shadowDecisions = (own?.shadow ?? []).map(({ policy, outcome }) => ({
    policyId: policy.id,
    policyRevision: policy.revision,
    outcome: shadowOutcomes[outcome],
  }));
  const byPolicies = policyReasons.has(ending.reason ?? '');
  const decision = byPolicies && own?.allowed !== false ? decided?.denied : own;
  if (ending.decision === 'DECISION_REFUSED' && !byPolicies) {
    return { ...undecided, shadowDecisions };
  }
  return {
    policyId: decision?.policy?.id ?? '',
    policyRevision: decision?.policy?.revision ?? 0,
    policyError: decision?.error ?? '',
    shadowDecisions,
  };
}

function argumentFields({ recordedArguments }: CallFacts, index: number) {
  const recorded = recordedArguments?.[index];
  return {
    argumentState: recorded?.state ?? 'ARGUMENT_STATE_NONE',
    arguments: recorded?.json ?? noBytes,
  } as const;
}

/**
 * Writes the records of one exchange: one for each message of its body, one for a GET or DELETE. They are
 * written exactly once, before the last byte of the answer leaves. A caller that was never identified
 * leaves no record of its own but a count.
 */
export class CallLog {
  readonly #facts: CallFacts;
  readonly #recorder: CallRecorder;
  readonly #newId: () => string;
  readonly #monotonicMs: () => number;
  #callIds: readonly string[] | undefined;
  #upstreamMs = 0;
  #started = false;
  #finished = false;

  constructor(
    facts: CallFacts,
    recorder: CallRecorder,
    newId: () => string,
    monotonicMs: () => number,
  ) {
    this.#facts = facts;
    this.#recorder = recorder;
    this.#newId = newId;
    this.#monotonicMs = monotonicMs;
  }

  get finished(): boolean {
    return this.#finished;
  }

  /** Whether the last byte waits until the record is on disk. */
  get mustAudit(): boolean {
    return this.#facts.principal !== undefined && this.#facts.organization?.mustAudit === true;
  }

  /** The upstream's response head is here. */
  upstreamAnswered(durationMs: number): void {
    this.#upstreamMs = durationMs;
  }

  /** The answer's head leaves: from now on the call is recorded even if this process dies. */
  begin(httpStatus: number): void {
    if (this.#finished || this.#facts.principal === undefined) return;
    const begun = { ...noEnding, httpStatus };
    this.#ids().forEach((callId, index) => {
      this.#recorder.begin(this.#record(callId, index, 'CALL_PHASE_START', begun));
    });
  }

  /** A long stream has begun; its end writes a second record with the same call id. */
  start(httpStatus: number): void {
    if (this.#started || this.#finished) return;
    this.#started = true;
    this.#write('CALL_PHASE_START', { ...noEnding, httpStatus });
  }

  finish(ending: CallEnding): void {
    if (this.#finished) return;
    this.#finished = true;
    const { principal, organization, clientAddress } = this.#facts;
    if (principal !== undefined) {
      this.#write(this.#started ? 'CALL_PHASE_END' : 'CALL_PHASE_COMPLETE', ending);
    } else if (ending.reason !== undefined) {
      const organizationId = organization?.id;
      this.#recorder.refuse({ reason: ending.reason, clientAddress, organizationId });
    }
  }

  /** One for each message. */
  #ids(): readonly string[] {
    const { messages, callId } = this.#facts;
    const count = Math.max(1, messages.length);
    this.#callIds ??= Array.from({ length: count }, (_, index) =>
      index === 0 ? callId : this.#newId(),
    );
    return this.#callIds;
  }

  #write(phase: CallRecord['phase'], ending: CallEnding): void {
    this.#ids().forEach((callId, index) => {
      this.#recorder.record(this.#record(callId, index, phase, ending));
    });
  }

  /** Bytes of a batch stand with its first message, so that sums stay right. */
  #record(
    callId: string,
    index: number,
    phase: CallRecord['phase'],
    ending: CallEnding,
  ): CallRecord {
    const facts = this.#facts;
    const message = facts.messages[index];
    return {
      callId,
      phase,
      startedAtMs: facts.startedAtMs,
      organizationId: facts.principal?.organizationId ?? '',
      subject: facts.principal?.subject ?? '',
      credentialId: facts.principal?.credentialId ?? '',
      serverId: facts.serverId,
      endpointId: facts.endpointId,
      era: facts.era ?? '',
      method: methodOf(message, facts),
      target: targetFor(message, facts),
      decision: ending.decision,
      reason: ending.reason ?? '',
      httpStatus: ending.httpStatus,
      rpcErrorCode: facts.messages.length > 1 ? 0 : ending.rpcErrorCode,
      upstreamDurationUs: microseconds(this.#upstreamMs),
      totalDurationUs:
        phase === 'CALL_PHASE_START' ? 0 : microseconds(this.#monotonicMs() - facts.startedMs),
      requestBytes: index === 0 ? facts.requestBytes : 0,
      responseBytes: index === 0 ? ending.responseBytes : 0,
      traceId: facts.traceId,
      clientAddress: facts.clientAddress,
      configRevision: facts.decided?.revision ?? facts.snapshot?.revision ?? 0,
      outcome: phase === 'CALL_PHASE_START' ? '' : ending.outcome,
      principalRoles: [...(facts.principal?.roles ?? [])],
      principalScopes: [...(facts.principal?.scopes ?? [])],
      credentialKind: credentialKindOf(facts),
      clientName: facts.client.name,
      clientVersion: facts.client.version,
      headers: [...facts.policyHeaders].map(([name, value]) => ({ name, value })),
      ...argumentFields(facts, index),
      ...policyFields(facts, index, ending),
    };
  }
}
