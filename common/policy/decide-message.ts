import { type Decision, shadowDecisionsMax } from './decision.ts';
import { callTargets, carriesArguments } from './method-targets.ts';
import type { CallTarget, PolicyCall, PolicyPin } from './policy-call.ts';
import type { ArgumentKnowledge, PolicySet } from './policy-set.ts';
import type { VisibilityContext } from './visibility-query.ts';

type Params = Readonly<Record<string, unknown>>;

/** A request or notification of a client. */
export interface PolicyMessage {
  readonly method: string;
  readonly params: Params;
  /** Of a `tasks/*` request the tool whose call made the task; undefined: not known. */
  readonly taskTool: string | undefined;
}

/** Who calls which server: the same for all messages of a call. Its request's method is of no account. */
export type PolicyCaller = VisibilityContext;

/** The approved definition of a tool of the called server, if any. */
export type PinOf = (tool: string) => PolicyPin | undefined;

function isRecord(value: unknown): value is Params {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A caller's use of a target by a method. */
export function policyCall(
  { principal, server, request, nowMs }: PolicyCaller,
  method: string,
  target: CallTarget,
  pinOf: PinOf,
  args?: Params,
): PolicyCall {
  const { era, client, address, headers } = request;
  return {
    principal,
    server,
    request: { method, era, client, address, headers },
    target,
    pin: target.kind === 'tool' ? pinOf(target.name) : undefined,
    args,
    nowMs,
  };
}

/** All of it has to be allowed; what shadow policies say of any part counts. */
function joined(decisions: readonly [Decision, ...Decision[]]): Decision {
  const [first] = decisions;
  const decisive = decisions.find(({ allowed }) => !allowed) ?? first;
  if (decisions.length === 1) return decisive;
  const shadow = decisions.flatMap((decision) => decision.shadow);
  const distinct = new Map(shadow.map((entry) => [entry.policy.id, entry]));
  return { ...decisive, shadow: [...distinct.values()].slice(0, shadowDecisionsMax) };
}

const listening = 'subscriptions/listen';

/**
 * The uses that a message asks for, all of which have to be allowed; undefined: its params don't say what it is
 * about. A subscription is what it is itself: changes of resources that its caller may not read are kept back
 * instead.
 */
export function policyCalls(
  caller: PolicyCaller,
  { method, params, taskTool }: PolicyMessage,
  pinOf: PinOf,
): readonly [PolicyCall, ...PolicyCall[]] | undefined {
  const args = carriesArguments(method) ? params['arguments'] : undefined;
  // Another reader may take a list or a text for arguments of its own kind.
  if (args !== undefined && !isRecord(args)) return undefined;
  const [first, ...others] = callTargets(method, params, taskTool) ?? [];
  if (first === undefined) return undefined;
  const callOf = (target: CallTarget) => policyCall(caller, method, target, pinOf, args);
  return [callOf(first), ...(method === listening ? [] : others.map(callOf))];
}

/** Decides all uses of one message. `args` as `PolicySet.decide` takes it. */
export function decideCalls(
  set: PolicySet,
  [first, ...others]: readonly [PolicyCall, ...PolicyCall[]],
  args?: ArgumentKnowledge,
): Decision {
  return joined([set.decide(first, args), ...others.map((call) => set.decide(call, args))]);
}

/** Decides one message; undefined: its params don't say what it is about. */
export function decideMessage(
  set: PolicySet,
  caller: PolicyCaller,
  message: PolicyMessage,
  pinOf: PinOf,
): Decision | undefined {
  const calls = policyCalls(caller, message, pinOf);
  return calls && decideCalls(set, calls);
}
