import type { CallTarget } from './policy-call.ts';
import { canonicalResourceUri, resourceReadings } from './resource-uri.ts';

type Params = Readonly<Record<string, unknown>>;
type Targets = readonly CallTarget[];

/** Longer names are none that a rule could be about, in UTF-16 units. */
export const targetNameCharsMax = 4096;
/** Most resources that one message may be about. */
export const targetResourcesMax = 1000;

/** What is known of a method. */
interface MethodRow {
  readonly from: 'client' | 'server' | 'both';
  /** Kinds of target that it can have. */
  readonly kinds: readonly CallTarget['kind'][];
  /** Undefined: the params don't say what it is about. */
  targets(params: Params, taskTool: string | undefined): Targets | undefined;
}

const implicit: Targets = [{ kind: 'implicit' }];
const list: Targets = [{ kind: 'list' }];
const method: Targets = [{ kind: 'method' }];

function isRecord(value: unknown): value is Params {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function usableName(value: unknown): string | undefined {
  const usable = typeof value === 'string' && value !== '' && value.length <= targetNameCharsMax;
  return usable ? value : undefined;
}

function named(kind: 'tool' | 'prompt', value: unknown): Targets | undefined {
  const name = usableName(value);
  return name === undefined ? undefined : [{ kind, name }];
}

function resource(value: unknown): Targets | undefined {
  const uri = usableName(value);
  if (uri === undefined) return undefined;
  return resourceReadings(uri).map((name) => ({ kind: 'resource', name }));
}

/** A completion discloses what it completes, so that it follows its prompt or resource. */
function completed(params: Params): Targets | undefined {
  const ref = params['ref'];
  if (!isRecord(ref)) return undefined;
  if (ref['type'] === 'ref/prompt') return named('prompt', ref['name']);
  if (ref['type'] !== 'ref/resource') return undefined;
  const uri = usableName(ref['uri']);
  // The text of a template is looked up as it is: nobody reads it as an address.
  if (uri?.includes('{') === true) return [{ kind: 'resource', name: canonicalResourceUri(uri) }];
  return resource(uri);
}

/** The stream itself, and then each resource whose changes it is to bring. */
function listened(params: Params): Targets | undefined {
  const filter = params['notifications'];
  if (!isRecord(filter)) return undefined;
  const uris = filter['resourceSubscriptions'] ?? [];
  if (!Array.isArray(uris) || uris.length > targetResourcesMax) return undefined;
  const targets: CallTarget[] = [...list];
  for (const uri of uris) {
    const readings = resource(uri);
    if (readings === undefined) return undefined;
    targets.push(...readings);
  }
  return targets;
}

function fixed(from: MethodRow['from'], kind: 'implicit' | 'list' | 'method'): MethodRow {
  const targets = { implicit, list, method }[kind];
  return { from, kinds: [kind], targets: () => targets };
}

const lifecycle = fixed('client', 'implicit');
const listing = fixed('client', 'list');
const either = fixed('both', 'implicit');
/** Requests of servers are part of a call that was allowed; its caller answers them or doesn't. */
const fromServer = fixed('server', 'implicit');

const callingTool: MethodRow = {
  from: 'client',
  kinds: ['tool'],
  targets: (params) => named('tool', params['name']),
};
const gettingPrompt: MethodRow = {
  from: 'client',
  kinds: ['prompt'],
  targets: (params) => named('prompt', params['name']),
};
const onResource: MethodRow = {
  from: 'client',
  kinds: ['resource'],
  targets: (params) => resource(params['uri']),
};
/** A task is the rest of a tool's call; its id, sealed when it was made, says of which. */
const onTask: MethodRow = {
  from: 'client',
  kinds: ['tool'],
  targets: (_, taskTool) => named('tool', taskTool),
};
/** Servers may make tasks of their requests too: the caller asks about tasks, or answers about its own. */
const onTaskOfEither: MethodRow = { ...onTask, from: 'both' };

/**
 * Every method of both eras, in both directions: 2024-11-05 to 2025-11-25, 2026-07-28 and its tasks
 * extension. What isn't here is about nothing but itself (`method`).
 */
export const methodTable: ReadonlyMap<string, MethodRow> = new Map([
  ['initialize', lifecycle],
  ['server/discover', lifecycle],
  ['ping', either],
  ['tools/list', listing],
  ['tools/call', callingTool],
  ['resources/list', listing],
  ['resources/templates/list', listing],
  ['resources/read', onResource],
  ['resources/subscribe', onResource],
  ['resources/unsubscribe', onResource],
  ['prompts/list', listing],
  ['prompts/get', gettingPrompt],
  ['completion/complete', { from: 'client', kinds: ['prompt', 'resource'], targets: completed }],
  ['logging/setLevel', fixed('client', 'method')],
  ['subscriptions/listen', { from: 'client', kinds: ['list', 'resource'], targets: listened }],
  ['tasks/list', fixed('both', 'list')],
  ['tasks/get', onTaskOfEither],
  ['tasks/result', onTaskOfEither],
  ['tasks/cancel', onTaskOfEither],
  ['tasks/update', onTask],
  ['sampling/createMessage', fromServer],
  ['elicitation/create', fromServer],
  ['roots/list', fromServer],
  ['notifications/initialized', lifecycle],
  ['notifications/roots/list_changed', lifecycle],
  ['notifications/cancelled', either],
  ['notifications/progress', either],
  ['notifications/tasks/status', either],
  ['notifications/message', fromServer],
  ['notifications/resources/updated', fromServer],
  ['notifications/resources/list_changed', fromServer],
  ['notifications/tools/list_changed', fromServer],
  ['notifications/prompts/list_changed', fromServer],
  ['notifications/subscriptions/acknowledged', fromServer],
  ['notifications/elicitation/complete', fromServer],
]);

/**
 * What a client's message is about: all of it has to be allowed. Undefined when its params don't say, such as
 * a tools/call without a name, or a task whose tool isn't known: such a message can't be decided, and what
 * can't be decided is refused.
 */
export function callTargets(
  methodName: string,
  params: Params,
  taskTool: string | undefined,
): readonly CallTarget[] | undefined {
  const row = methodTable.get(methodName);
  // What only servers send is nothing that a session is made of when a client sends it.
  if (row === undefined || row.from === 'server') return method;
  return row.targets(params, taskTool);
}

/** Kinds of what a method can be about. */
export function targetKindsOf(methodName: string): readonly CallTarget['kind'][] {
  return methodTable.get(methodName)?.kinds ?? ['method'];
}

/** The methods whose params are the arguments of what they call. */
const methodsWithArguments: ReadonlySet<string> = new Set(['tools/call', 'prompts/get']);

/** Whether a message of this method says with which arguments its target is used. */
export function carriesArguments(methodName: string): boolean {
  return methodsWithArguments.has(methodName);
}
