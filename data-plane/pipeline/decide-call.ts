import { decideMessage, policyCall } from '../../common/policy/decide-message.ts';
import type { Decision } from '../../common/policy/decision.ts';
import { implicitlyAllowed } from '../../common/policy/ruling.ts';
import { openTask } from '../identity/sealed-task.ts';
import type { Message } from '../mcp/message.ts';
import type { DecidedCall } from '../policy/decided-call.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { type LocalReply, localReply } from './local-reply.ts';
import { policyCaller } from './policy-caller.ts';
import { policyRefusal } from './policy-refusal.ts';
import type { Routed } from './route.ts';
import type { CallTarget } from './standing.ts';

/** What policies made of a call, and what its client is told. */
export interface CallDecision extends DecidedCall {
  /** Undefined: the call may go on. */
  readonly refusal: LocalReply | undefined;
}

/** By what a call is decided: its own snapshot, or one that came since. */
export interface DecisionBasis {
  readonly target: CallTarget;
  readonly snapshot: Snapshot;
  /** Wall time. */
  readonly nowMs: number;
}

/** Whether a call of the organization has to be looked at at all. */
function mayDeny({ target, snapshot }: DecisionBasis): boolean {
  const set = snapshot.policies(target.organization);
  return set.size > 0 || set.policyDefault === 'deny';
}

function isAboutTask(message: Message): boolean {
  if (message.kind !== 'request') return false;
  return message.method.startsWith('tasks/') && message.method !== 'tasks/list';
}

/** The tool whose call made the task that a request is about; undefined: the id was never this caller's. */
function taskToolOf({ decoded, server }: Routed, message: Message): string | undefined {
  const taskId = message.kind === 'request' ? message.params['taskId'] : undefined;
  if (typeof taskId !== 'string') return undefined;
  const { accepted, principal } = decoded.identified;
  const scope = { subject: principal.subject, serverId: server.id };
  return openTask(accepted.snapshot.sealKeys, scope, taskId)?.tool;
}

/** The tool whose call made the task that a call is about; empty: none, or none is known. */
export function toolOfTask(routed: Routed): string {
  const [message] = routed.decoded.messages;
  const isTask = message !== undefined && isAboutTask(message);
  return isTask ? (taskToolOf(routed, message) ?? '') : '';
}

/** It says nothing that could be decided on, so that nobody can know what it would do. */
function undecidable(revision: number, method: string): CallDecision {
  const detail = `the params of ${method.slice(0, 64)} don’t say what it is about`;
  const refusal = localReply('message_invalid', { detail });
  return { revision, decisions: [], denied: undefined, refusal };
}

/** Decides every message of a call by one snapshot; a batch with one that is denied is refused as a whole. */
export function decideCall(routed: Routed, basis: DecisionBasis): CallDecision {
  const { target, snapshot, nowMs } = basis;
  const { organization, server } = target;
  const { revision } = snapshot;
  const decisions: Decision[] = [];
  if (!mayDeny(basis)) return { revision, decisions, denied: undefined, refusal: undefined };
  const set = snapshot.policies(organization);
  const caller = policyCaller(routed, target, snapshot, nowMs);
  const pinOf = (tool: string) => snapshot.toolPin(server.id, tool);
  const { messages } = routed.decoded;
  for (const message of messages) {
    const taskTool = isAboutTask(message) ? taskToolOf(routed, message) : undefined;
    // An id that nobody gave this caller goes up as the name of nothing, for the server to answer.
    const isNothing = isAboutTask(message) && taskTool === undefined;
    const decision =
      message.kind === 'response' || isNothing
        ? implicitlyAllowed
        : decideMessage(set, caller, { ...message, taskTool }, pinOf);
    if (decision !== undefined) decisions.push(decision);
    else if (message.kind !== 'response') return undecidable(revision, message.method);
  }
  const denied = decisions.find(({ allowed }) => !allowed);
  const refusal = denied && policyRefusal(organization, messages, denied);
  return { revision, decisions, denied, refusal };
}

/**
 * Decides whether an open subscription may go on; undefined: nothing denies it. What it may tell of is looked at
 * event by event.
 */
export function listeningDenial(routed: Routed, basis: DecisionBasis): CallDecision | undefined {
  if (!mayDeny(basis)) return undefined;
  const { target, snapshot, nowMs } = basis;
  const caller = policyCaller(routed, target, snapshot, nowMs);
  const call = policyCall(caller, 'subscriptions/listen', { kind: 'list' }, () => undefined);
  const denied = snapshot.policies(target.organization).decide(call);
  if (denied.allowed) return undefined;
  const refusal = policyRefusal(target.organization, routed.decoded.messages, denied);
  return { revision: snapshot.revision, decisions: [denied], denied, refusal };
}
