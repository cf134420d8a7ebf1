import { openTask, sealTask } from '../identity/sealed-task.ts';
import { openText, type SealScope, sealText } from '../identity/sealed-text.ts';
import { applySplices, findSpan, type Splice } from '../mcp/json-span.ts';
import { isRecord, type Message } from '../mcp/message.ts';
import { encodeHeaderValue, routingName } from '../mcp/routing-headers.ts';
import type { SealKeyRing } from '../snapshot/seal-key-ring.ts';
import type { Admitted } from './limit.ts';
import { visibleTo } from './onlooker.ts';
import type { RequestHeaders } from './request-headers.ts';

/** What goes up: the client's own bytes, unless something in them was sealed for it here. */
export interface UpstreamCall {
  readonly headers: Record<string, string>;
  readonly body: Buffer | undefined;
}

const relatedTaskKey = 'io.modelcontextprotocol/related-task';

/** The scope that this call's caller seals and opens in. */
function sealScope(call: Admitted, purpose: SealScope['purpose']): SealScope {
  const { decoded, server } = call.permit.routed;
  return { purpose, subject: decoded.identified.principal.subject, serverId: server.id };
}

/**
 * The tool of a task, which its id has to name: the call's own, or, on a stream that only speaks of the task, the
 * one that was seen with it last.
 */
function rememberedTool({ permit }: Admitted, scope: SealScope, taskId: string): string {
  const task = { ...scope, taskId };
  if (permit.tool === '') return permit.taskTools.find(task);
  permit.taskTools.remember(task, permit.tool);
  return permit.tool;
}

/** A value of the upstream's as only this caller can bring it back. */
export function sealFor(call: Admitted, purpose: SealScope['purpose'], text: string): string {
  const ring = call.permit.routed.decoded.identified.accepted.snapshot.sealKeys;
  const scope = sealScope(call, purpose);
  if (purpose !== 'task') return sealText(ring, scope, text);
  return sealTask(ring, scope, { taskId: text, tool: rememberedTool(call, scope, text) });
}

function openTaskFor(call: Admitted, ring: SealKeyRing, sealed: string): string | undefined {
  const scope = sealScope(call, 'task');
  const task = openTask(ring, scope, sealed);
  if (task !== undefined) call.permit.taskTools.remember({ ...scope, ...task }, task.tool);
  return task?.taskId;
}

/**
 * What the upstream meant by a sealed value. One that doesn't open here (another caller's, or made up) is
 * replaced by a name of nothing: the upstream then answers in its own words, as it does for any unknown
 * value, and never sees a value that it gave to somebody else.
 */
function openFor(
  call: Admitted,
  purpose: SealScope['purpose'],
  sealed: string,
  newId: () => string,
): string {
  const ring = call.permit.routed.decoded.identified.accepted.snapshot.sealKeys;
  const opened =
    purpose === 'task'
      ? openTaskFor(call, ring, sealed)
      : openText(ring, sealScope(call, purpose), sealed);
  return opened ?? `unknown-${newId()}`;
}

interface SealedPlace {
  readonly path: readonly string[];
  readonly purpose: SealScope['purpose'];
  readonly value: string;
}

/** Where a request carries values that were sealed for the client. */
function sealedPlaces(message: Message): SealedPlace[] {
  if (message.kind !== 'request') return [];
  const { params, method } = message;
  const places: SealedPlace[] = [];
  const add = (path: string[], purpose: SealScope['purpose'], value: unknown) => {
    if (typeof value === 'string') places.push({ path: ['params', ...path], purpose, value });
  };
  add(['requestState'], 'request-state', params['requestState']);
  if (method.startsWith('tasks/')) add(['taskId'], 'task', params['taskId']);
  const meta = params['_meta'];
  const related = isRecord(meta) ? meta[relatedTaskKey] : undefined;
  if (isRecord(related)) add(['_meta', relatedTaskKey, 'taskId'], 'task', related['taskId']);
  return places;
}

/** A subscription names its tasks in a list, which is replaced as a whole. */
function subscribedTasks(message: Message): readonly unknown[] | undefined {
  if (message.kind !== 'request' || message.method !== 'subscriptions/listen') return undefined;
  const filter = message.params['notifications'];
  const ids = isRecord(filter) ? filter['taskIds'] : undefined;
  return Array.isArray(ids) ? ids : undefined;
}

/**
 * A subscription without resources that its caller may not read: the server acknowledges what is left, and that
 * is what the client is told. Undefined: all of it stays.
 */
function readableSubscriptions(call: Admitted, message: Message): readonly string[] | undefined {
  if (message.kind !== 'request' || message.method !== 'subscriptions/listen') return undefined;
  const filter = message.params['notifications'];
  const uris = isRecord(filter) ? filter['resourceSubscriptions'] : undefined;
  if (!Array.isArray(uris) || uris.length === 0) return undefined;
  const { routed } = call.permit;
  const { snapshot, facts } = routed.decoded.identified.accepted;
  const items = visibleTo(routed, snapshot, facts.startedAtMs);
  if (items === undefined) return undefined;
  const readable = uris.filter((uri) => typeof uri === 'string' && items.shows('resources', uri));
  return readable.length < uris.length ? readable : undefined;
}

function openSplices(
  call: Admitted,
  text: string,
  message: Message,
  newId: () => string,
): Splice[] {
  const splices: Splice[] = [];
  for (const { path, purpose, value } of sealedPlaces(message)) {
    const span = findSpan(text, path);
    const replacement = JSON.stringify(openFor(call, purpose, value, newId));
    if (span !== undefined) splices.push({ span, replacement });
  }
  const tasks = subscribedTasks(message);
  const span =
    tasks === undefined ? undefined : findSpan(text, ['params', 'notifications', 'taskIds']);
  if (tasks !== undefined && span !== undefined) {
    const opened = tasks.map((id) =>
      typeof id === 'string' ? openFor(call, 'task', id, newId) : id,
    );
    splices.push({ span, replacement: JSON.stringify(opened) });
  }
  const readable = readableSubscriptions(call, message);
  const subscribed =
    readable && findSpan(text, ['params', 'notifications', 'resourceSubscriptions']);
  if (subscribed !== undefined) {
    splices.push({ span: subscribed, replacement: JSON.stringify(readable) });
  }
  return splices;
}

/** The messages of a batch never carry sealed values: that revision has none of them. */
function openBody(call: Admitted, newId: () => string): Buffer | undefined {
  const { decoded } = call.permit.routed;
  const [message] = decoded.messages;
  const { body, document } = decoded;
  if (decoded.batch || message === undefined || document === undefined) {
    return body;
  }
  const splices = openSplices(call, document.text, message, newId);
  if (splices.length === 0) return body;
  return Buffer.from(applySplices(document.text, splices), 'utf8');
}

function addTo(headers: Record<string, string>, name: string, value: string | undefined): void {
  if (value !== undefined) headers[name] = value;
}

/** The upstream's own session, and the version that the client names. */
export function sessionHeaders(call: Admitted): Record<string, string> {
  const { decoded, session } = call.permit.routed;
  const headers: Record<string, string> = {};
  addTo(headers, 'mcp-session-id', session?.state.upstreamSession);
  // The handshake went through unchanged, so that both legs settled on one version. What a client names
  // after it stands as it is, also nothing: the upstream treats it as it would without a gateway.
  addTo(headers, 'mcp-protocol-version', decoded.version);
  return headers;
}

function addLegacyHeaders(call: Admitted, headers: Record<string, string>): void {
  const { decoded } = call.permit.routed;
  const client = decoded.identified.accepted.headers;
  Object.assign(headers, sessionHeaders(call));
  if (decoded.identified.accepted.method === 'GET') {
    addTo(headers, 'last-event-id', client.lastEventId);
  }
}

function addModernHeaders(call: Admitted, headers: Record<string, string>, body: Buffer): void {
  const { decoded } = call.permit.routed;
  const client = decoded.identified.accepted.headers;
  addTo(headers, 'mcp-protocol-version', decoded.version);
  addTo(headers, 'mcp-method', client.mcpMethod);
  addTo(headers, 'mcp-name', client.mcpName);
  const [message] = decoded.messages;
  if (message?.kind !== 'request' || !message.method.startsWith('tasks/')) return;
  // A task's name was opened in the body, so that the header has to follow.
  const params = (JSON.parse(body.toString('utf8')) as { params: Record<string, unknown> }).params;
  const name = routingName(message.method, params);
  if (name !== undefined) headers['mcp-name'] = encodeHeaderValue(name);
}

function addTrace(headers: Record<string, string>, client: RequestHeaders, traceparent: string) {
  headers['traceparent'] = traceparent;
  addTo(headers, 'tracestate', client.tracestate);
}

/**
 * The request for the upstream. Only these headers go up: a client's Authorization, cookies and everything
 * about its connection stay here.
 */
export function upstreamCall(call: Admitted, newId: () => string): UpstreamCall {
  const { decoded } = call.permit.routed;
  const { headers: client, method, facts } = decoded.identified.accepted;
  const headers: Record<string, string> = { ...client.params };
  const body = openBody(call, newId);
  headers['accept'] =
    method === 'GET' ? 'text/event-stream' : 'application/json, text/event-stream';
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (decoded.era === 'legacy') addLegacyHeaders(call, headers);
  else if (body !== undefined) addModernHeaders(call, headers, body);
  const spanId = newId().replaceAll('-', '').slice(0, 16);
  addTrace(headers, client, `00-${facts.traceId}-${spanId}-01`);
  return { headers, body };
}
