import { scopeLengthMax, serverScope, toolScope } from '../../common/scope.ts';
import { callScopes, type ServerGrant } from '../identity/call-scopes.ts';
import { isRecord, type Message, targetOf } from '../mcp/message.ts';

/**
 * Requests that concern no single tool, prompt or resource: whoever may call one tool of a server needs them
 * to get that far. Completions and everything unknown are none of them.
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

/** The tool that a request calls, or whose call it goes on with; empty: none, or none is known. */
function toolOf(message: Message | undefined, taskTool: string): string {
  if (message?.kind !== 'request') return '';
  if (message.method === 'tools/call') return targetOf(message);
  return message.method.startsWith('tasks/') ? taskTool : '';
}

function coveredByTools(message: Message, taskTool: string, tools: ReadonlySet<string>): boolean {
  // Answers and notifications go to what the session asked and was asked for.
  if (message.kind !== 'request') return true;
  const tool = toolOf(message, taskTool);
  if (tool !== '') return tools.has(tool);
  if (message.method === 'subscriptions/listen') return listensToTools(message.params);
  return sessionMethods.has(message.method);
}

function isCovered(message: Message, taskTool: string, grant: ServerGrant): boolean {
  if (grant === 'server') return true;
  return grant !== undefined && coveredByTools(message, taskTool, grant);
}

/** The narrowest scope that allows a message. */
function neededScope(message: Message | undefined, taskTool: string, server: string): string {
  const name = toolOf(message, taskTool);
  const scope = name === '' ? undefined : toolScope(server, name);
  return scope === undefined || scope.length > scopeLengthMax ? serverScope(server) : scope;
}

/** A call as scopes see it. */
export interface ScopedCall {
  /** Slug of the server. */
  readonly server: string;
  /** None: a GET or DELETE. */
  readonly messages: readonly Message[];
  /** Tool whose call made the task that the call is about; empty: none, or none is known. */
  readonly taskTool: string;
}

/**
 * Undefined when the scopes cover the call. Otherwise all scopes that its caller needs, with those for this
 * server that the credential has already: a client asks for exactly these, and must not lose what it has.
 */
export function missingScopes(
  { server, messages, taskTool }: ScopedCall,
  scopes: readonly string[],
): readonly string[] | undefined {
  const grant = callScopes(scopes).on(server);
  if (grant === 'server') return undefined;
  const uncovered = messages.filter((message) => !isCovered(message, taskTool, grant));
  if (uncovered.length === 0 && grant !== undefined) return undefined;
  const needed = (messages.length === 0 ? [undefined] : uncovered).map((message) =>
    neededScope(message, taskTool, server),
  );
  if (needed.includes(serverScope(server))) return [serverScope(server)];
  const held = [...(grant ?? [])].map((tool) => toolScope(server, tool));
  return [...new Set([...held, ...needed])];
}
