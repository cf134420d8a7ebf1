import type { Decision } from '../../common/policy/decision.ts';
import { type ReasonCode, reasons } from '../../common/reasons.ts';
import type { Message } from '../mcp/message.ts';
import type { OrganizationEntry } from '../snapshot/snapshot.ts';
import { type LocalReply, localReply, type ReplyForm } from './local-reply.ts';

const reasonByCause = {
  policy: 'policy_denied',
  evaluation_failed: 'policy_evaluation_failed',
  default: 'policy_not_allowed',
  implicit: 'policy_not_allowed',
} as const satisfies Record<Decision['cause'], ReasonCode>;

/** `The reason's sentence: "name": why it failed. What the policy says.`, for people to read. */
function sentence(reason: ReasonCode, { policy, error }: Decision): string | undefined {
  if (policy === undefined) return undefined;
  const what = reasons[reason].message.replace(/\.$/, '');
  const why = error === undefined ? '' : `: ${error.replace(/\.$/, '')}`;
  const named = `${what}: "${policy.name}"${why}`;
  if (policy.message === '') return `${named}.`;
  return error === undefined ? `${named}: ${policy.message}` : `${named}. ${policy.message}`;
}

function isRequest(message: Message, method?: string): boolean {
  return message.kind === 'request' && (method === undefined || message.method === method);
}

/**
 * The organization's form for a tool's call. Any other request gets an error, under its HTTP status only where
 * the organization wants to see one. What waits for no answer has nothing but the status to be told by.
 */
function formOf({ toolRefusalForm }: OrganizationEntry, messages: readonly Message[]): ReplyForm {
  if (!messages.some((message) => isRequest(message))) return 'http-status';
  if (toolRefusalForm !== 'tool-result') return toolRefusalForm;
  const [message] = messages;
  const isToolCall = messages.length === 1 && message !== undefined;
  return isToolCall && isRequest(message, 'tools/call') ? 'tool-result' : 'json-rpc-error';
}

/** What a client is told whose call a policy denies. It names the policy; nothing of it looks like a lost session. */
export function policyRefusal(
  organization: OrganizationEntry,
  messages: readonly Message[],
  decision: Decision,
): LocalReply {
  const reason = reasonByCause[decision.cause];
  const message = sentence(reason, decision);
  const { policy } = decision;
  return localReply(reason, {
    form: formOf(organization, messages),
    ...(message === undefined ? {} : { message }),
    ...(policy === undefined
      ? {}
      : { data: { policy: { name: policy.name, revision: policy.revision } } }),
  });
}
