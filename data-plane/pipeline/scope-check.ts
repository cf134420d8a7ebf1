import { scopeLengthMax, serverScope, toolScope } from '../../common/scope.ts';
import { callScopes, type ServerGrant } from '../identity/call-scopes.ts';
import { isRecord, type Message, targetOf } from '../mcp/message.ts';

/**
 * Requests that concern no single tool, prompt or resource: whoever may call one tool of a server needs them
 * to get that far. Completions, tasks and everything unknown are none of them: a task's id doesn't say which
 * tool made it.
 */
const sessionMethods: ReadonlySet<string> = new Set([
  'initialize',
  'ping',
  'server/discover',
  'tools/list',
  'logging/setLevel',
]);

/** A subscription to nothing but that the list of tools changed. */
function listensToTools(params: Readonly<Record<string, unknown>>): boolean {
  const filter = params['notifications'];
  if (!isRecord(filter)) return false;
  return Object.entries(filter).every(([name, value]) => {
    return name === 'toolsListChanged' || value === false;
  });
}

function coveredByTools(message: Message, tools: ReadonlySet<string>): boolean {
  // Answers and notifications go to what the session asked and was asked for.
  if (message.kind !== 'request') return true;
  if (message.method === 'tools/call') return tools.has(targetOf(message));
  if (message.method === 'subscriptions/listen') return listensToTools(message.params);
  return sessionMethods.has(message.method);
}

function isCovered(message: Message, grant: ServerGrant): boolean {
  if (grant === 'server') return true;
  return grant !== undefined && coveredByTools(message, grant);
}

/** The narrowest scope that allows a message. */
function neededScope(message: Message | undefined, server: string): string {
  const tool = message?.kind === 'request' && message.method === 'tools/call';
  const name = tool ? targetOf(message) : '';
  const scope = name === '' ? undefined : toolScope(server, name);
  return scope === undefined || scope.length > scopeLengthMax ? serverScope(server) : scope;
}

/** A call as scopes see it. */
export interface ScopedCall {
  /** Slug of the server. */
  readonly server: string;
  /** None: a GET or DELETE. */
  readonly messages: readonly Message[];
}

/**
 * Undefined when the scopes cover the call. Otherwise all scopes that its caller needs, with those for this
 * server that the credential has already: a client asks for exactly these, and must not lose what it has.
 */
export function missingScopes(
  { server, messages }: ScopedCall,
  scopes: readonly string[],
): readonly string[] | undefined {
  const grant = callScopes(scopes).on(server);
  if (grant === 'server') return undefined;
  const uncovered = messages.filter((message) => !isCovered(message, grant));
  if (uncovered.length === 0 && grant !== undefined) return undefined;
  const needed = (messages.length === 0 ? [undefined] : uncovered).map((message) =>
    neededScope(message, server),
  );
  if (needed.includes(serverScope(server))) return [serverScope(server)];
  const held = [...(grant ?? [])].map((tool) => toolScope(server, tool));
  return [...new Set([...held, ...needed])];
}
