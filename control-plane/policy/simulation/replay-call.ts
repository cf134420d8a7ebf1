import {
  decideCalls,
  type PolicyCaller,
  type PolicyMessage,
  policyCalls,
} from '../../../common/policy/decide-message.ts';
import type { Decision } from '../../../common/policy/decision.ts';
import { carriesArguments } from '../../../common/policy/method-targets.ts';
import type { PolicyCall, PolicyPrincipal } from '../../../common/policy/policy-call.ts';
import type { ArgumentKnowledge } from '../../../common/policy/policy-set.ts';
import { mismatchOf } from '../../../common/policy/prepared-policy.ts';
import type { PolicyBasis } from '../policy-basis.ts';
import type { ComparedSets } from './draft.ts';
import type { RecordedCall } from './recorded-calls.ts';

/** Why nobody can say what a draft would make of a call. */
export type UnknownCause =
  /** A condition reads arguments, and they were not kept, or only without their secrets. */
  | 'arguments'
  /** The record doesn't say what the call was about, such as that of a task or a completion. */
  | 'target'
  /** The server has been deleted since, and with it its labels. */
  | 'server'
  /** The record is of a release that did not say who called. */
  | 'caller';

/** Nobody can say what a draft makes of a call. */
export interface UnknownReplay {
  readonly kind: 'unknown';
  readonly cause: UnknownCause;
}

/** What the policies as they are, and as a draft has them, make of a call. */
export interface DecidedReplay<Kind extends 'unchanged' | 'newly_denied' | 'newly_allowed'> {
  readonly kind: Kind;
  readonly before: Decision;
  readonly after: Decision;
}

/** A call that a draft decides otherwise, or perhaps. */
export type ChangedReplay = UnknownReplay | DecidedReplay<'newly_denied' | 'newly_allowed'>;

/** What a draft makes of a recorded call. */
export type Replay =
  /** Something else than policies refused it, and would again. */
  { readonly kind: 'undecided' } | DecidedReplay<'unchanged'> | ChangedReplay;

const policyReasons: ReadonlySet<string> = new Set([
  'policy_denied',
  'policy_not_allowed',
  'policy_evaluation_failed',
]);

/** HTTP requests without a message, and answers of clients: no policy is asked about either. */
const implicitMethods: ReadonlySet<string> = new Set(['GET', 'DELETE', 'response']);

/** Methods whose record names what they are about in `target`. */
const targetFields: ReadonlyMap<string, 'name' | 'uri'> = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
  ['resources/subscribe', 'uri'],
  ['resources/unsubscribe', 'uri'],
]);

/** Nodes cut longer ones, so that one of this length may be a piece of another. */
const targetLengthMax = 2048;

function isTargetLost({ method, target }: RecordedCall): boolean {
  const isAboutOther =
    method === 'completion/complete' || (method.startsWith('tasks/') && method !== 'tasks/list');
  return isAboutOther || target.length >= targetLengthMax;
}

const noHeaders: ReadonlyMap<string, string> = new Map();
const principalsMax = 10_000;

/** Replays recorded calls of one organization. */
export class Replayer {
  readonly #basis: PolicyBasis;
  readonly #sets: ComparedSets;
  /** The same callers come again and again, and what conditions read of them is kept by the object. */
  readonly #principals = new Map<string, PolicyPrincipal>();

  constructor(basis: PolicyBasis, sets: ComparedSets) {
    this.#basis = basis;
    this.#sets = sets;
  }

  /** What both sets make of a call. */
  replay(record: RecordedCall): Replay {
    const { decision, reason, method } = record;
    if (decision === 'refused' && !policyReasons.has(reason)) return { kind: 'undecided' };
    if (implicitMethods.has(method)) return this.#compared([], 'as_called');
    if (record.credentialKind === null || record.era === null) {
      return { kind: 'unknown', cause: 'caller' };
    }
    if (isTargetLost(record)) return { kind: 'unknown', cause: 'target' };
    const calls = this.#callsOf(record, record.credentialKind, record.era);
    if (typeof calls === 'string') return { kind: 'unknown', cause: calls };
    const isKnown = record.argumentState === 'full' || !carriesArguments(method);
    return this.#compared(calls, isKnown ? undefined : 'unknown');
  }

  #callsOf(
    record: RecordedCall,
    credentialKind: PolicyPrincipal['credentialKind'],
    era: 'legacy' | 'modern',
  ): readonly PolicyCall[] | UnknownCause {
    const { serversById, pins, policyHeaders } = this.#basis;
    const server = record.serverId === null ? undefined : serversById.get(record.serverId);
    if (server === undefined) return 'server';
    const { clientName: name, clientVersion: version, address, method } = record;
    const caller: PolicyCaller = {
      principal: this.#principalOf(record, credentialKind),
      server,
      request: {
        ...{ method, era, client: { name, version }, address },
        headers: headersOf(record, policyHeaders),
      },
      nowMs: record.startedAtMs,
    };
    const pinOf = (tool: string) => pins.get(`${server.id}/${tool}`);
    return policyCalls(caller, messageOf(record), pinOf) ?? 'target';
  }

  #principalOf(
    { subject, credentialId, roles, scopes }: RecordedCall,
    credentialKind: PolicyPrincipal['credentialKind'],
  ): PolicyPrincipal {
    const key = JSON.stringify([subject, credentialId, credentialKind, roles, scopes]);
    const known = this.#principals.get(key);
    if (known !== undefined) return known;
    if (this.#principals.size >= principalsMax) this.#principals.clear();
    const principal = { subject, credentialId, credentialKind, roles, scopes };
    this.#principals.set(key, principal);
    return principal;
  }

  /** What the draft leaves as it is for all of these uses needs no second decision. */
  #isUntouched(calls: readonly PolicyCall[]): boolean {
    const { differing, sameDefault } = this.#sets;
    if (!sameDefault) return false;
    return calls.every((call) =>
      differing.every((prepared) => mismatchOf(prepared, call) !== undefined),
    );
  }

  #compared(calls: readonly PolicyCall[], args: ArgumentKnowledge | undefined): Replay {
    const [first, ...others] = calls;
    if (first === undefined) return { kind: 'unchanged', before: implicit, after: implicit };
    const { current, drafted } = this.#sets;
    const before = decideCalls(current, [first, ...others], args);
    if (this.#isUntouched(calls)) return { kind: 'unchanged', before, after: before };
    const after = decideCalls(drafted, [first, ...others], args);
    if (args === 'unknown' && (before.argumentsMissing || after.argumentsMissing)) {
      return { kind: 'unknown', cause: 'arguments' };
    }
    if (before.allowed === after.allowed) return { kind: 'unchanged', before, after };
    return { kind: after.allowed ? 'newly_allowed' : 'newly_denied', before, after };
  }
}

const implicit: Decision = {
  ...{ allowed: true, cause: 'implicit', policy: undefined, error: undefined },
  ...{ argumentsMissing: false, shadow: [] },
};

function headersOf(
  { headers }: RecordedCall,
  allowed: ReadonlySet<string>,
): ReadonlyMap<string, string> {
  if (headers === null) return noHeaders;
  return new Map(Object.entries(headers).filter(([name]) => allowed.has(name)));
}

/** The message as its record has it. */
function messageOf({ method, target, argumentState, args }: RecordedCall): PolicyMessage {
  const field = targetFields.get(method);
  const params: Record<string, unknown> = field === undefined ? {} : { [field]: target };
  if (method === 'subscriptions/listen') params['notifications'] = {};
  if (argumentState === 'full' && args !== null && carriesArguments(method)) {
    params['arguments'] = JSON.parse(args);
  }
  return { method, params, taskTool: undefined };
}

/** Whether a call was let through by policies when it was made. */
export function wasAllowed({ decision }: RecordedCall): boolean {
  return decision !== 'refused';
}
