import type { Decision } from '../../common/policy/decision.ts';
import type { CallRecorder } from '../events/call-recorder.ts';
import { targetOf } from '../mcp/message.ts';
import type { DecisionCounts } from '../policy/decision-counts.ts';
import { readPolicyHeaders } from '../policy/policy-headers.ts';
import type { TaskTools } from '../policy/task-tools.ts';
import { insufficientScopeHeaders } from './challenge.ts';
import { decideCall, toolOfTask } from './decide-call.ts';
import { keptArguments } from './kept-arguments.ts';
import { type LocalReply, localReply } from './local-reply.ts';
import type { Routed } from './route.ts';
import { missingScopes } from './scope-check.ts';
import { type Present, targetRefusal } from './standing.ts';

/** Says that a call may be made. Only `authorize` makes one, and what follows takes nothing else. */
class Permit {
  readonly #routed: Routed;
  /**
   * What policies made of each message, in their order; none where the organization has no policies and allows
   * by default.
   */
  readonly decisions: readonly Decision[];
  /** Tool that the call is of, or that made the task it is about; empty: none, or none is known. */
  readonly tool: string;
  readonly taskTools: TaskTools;

  constructor(routed: Routed, decisions: readonly Decision[], taskTools: TaskTools) {
    this.#routed = routed;
    this.decisions = decisions;
    this.tool = calledTool(routed) ?? routed.decoded.identified.accepted.facts.taskTool;
    this.taskTools = taskTools;
  }

  get routed(): Routed {
    return this.#routed;
  }
}

export type { Permit };

/** What the stage shares with every call of the node. */
export interface AuthorizeParts {
  readonly recorder: CallRecorder;
  readonly decisionCounts: DecisionCounts;
  readonly taskTools: TaskTools;
}

/** Lists every caller's tasks where the upstream sees all callers as one. */
const listsEverybodysTasks = 'tasks/list';

function calledTool({ decoded }: Routed): string | undefined {
  const [message] = decoded.messages;
  const isCall = message?.kind === 'request' && message.method === 'tools/call';
  return isCall ? targetOf(message) : undefined;
}

function scopeRefusal({ server, decoded }: Routed): LocalReply | undefined {
  const { accepted, principal } = decoded.identified;
  const { messages } = decoded;
  const { taskTool } = accepted.facts;
  const missing = missingScopes({ server: server.slug, messages, taskTool }, principal.scopes);
  if (missing === undefined) return undefined;
  return localReply('scope_insufficient', { headers: insufficientScopeHeaders(accepted, missing) });
}

/**
 * Decides whether the caller may do this: the organization and the server have to be open, the scopes to cover
 * it, and its policies to allow it. Nothing is allowed by what could not be read.
 */
export function authorize(
  routed: Routed,
  parts: AuthorizeParts,
  now: Omit<Present, 'snapshot'>,
): Permit | LocalReply {
  const { organization, decoded } = routed;
  const { snapshot, facts, exchange } = decoded.identified.accepted;
  // Also where no policy asks for them, so that a later one can be tried on the record.
  facts.policyHeaders = readPolicyHeaders(exchange.head.rawHeaders, organization.policyHeaders);
  facts.recordedArguments = keptArguments(decoded.messages, organization);
  facts.taskTool = toolOfTask(routed);
  const closed = targetRefusal(routed, { ...now, snapshot }) ?? scopeRefusal(routed);
  if (closed !== undefined) return closed;
  const decision = decideCall(routed, { target: routed, snapshot, nowMs: now.nowMs });
  facts.decided = decision;
  for (const each of decision.decisions) parts.decisionCounts.add(each);
  if (decision.refusal !== undefined) return decision.refusal;
  const listsTasks = decoded.messages.some(
    (message) => message.kind === 'request' && message.method === listsEverybodysTasks,
  );
  if (listsTasks) return localReply('tasks_not_listed');
  if (organization.mustAudit && !parts.recorder.hasRoom()) return localReply('record_unavailable');
  return new Permit(routed, decision.decisions, parts.taskTools);
}
