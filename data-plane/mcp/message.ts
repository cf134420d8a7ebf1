/** A JSON-RPC message as far as the gateway reads it. */
export type Message = RequestMessage | NotificationMessage | ResponseMessage;

export interface RequestMessage {
  readonly kind: 'request';
  readonly id: string | number;
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

export interface NotificationMessage {
  readonly kind: 'notification';
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

export interface ResponseMessage {
  readonly kind: 'response';
}

const noParams: Readonly<Record<string, unknown>> = {};

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isId(value: unknown): value is string | number {
  return typeof value === 'string' || (typeof value === 'number' && Number.isFinite(value));
}

function readResponse(object: Readonly<Record<string, unknown>>): Message | undefined {
  const hasResult = Object.hasOwn(object, 'result');
  const hasError = Object.hasOwn(object, 'error');
  if (hasResult === hasError) return undefined;
  if (hasError && !isRecord(object['error'])) return undefined;
  const id = object['id'];
  // An error may answer a message whose id could not be read.
  const answersNothing = hasError && (id === undefined || id === null);
  return isId(id) || answersNothing ? { kind: 'response' } : undefined;
}

/** Reads one value of a body as a JSON-RPC 2.0 message, or undefined when it is none. */
export function readMessage(value: unknown): Message | undefined {
  if (!isRecord(value) || value['jsonrpc'] !== '2.0') return undefined;
  const method = value['method'];
  if (method === undefined) return readResponse(value);
  if (typeof method !== 'string' || method === '') return undefined;
  const params = value['params'] ?? noParams;
  if (!isRecord(params)) return undefined;
  if (!Object.hasOwn(value, 'id')) return { kind: 'notification', method, params };
  const id = value['id'];
  return isId(id) ? { kind: 'request', id, method, params } : undefined;
}

/** The field of a method's params that names its target. */
const targetFields: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'resources/subscribe': 'uri',
  'resources/unsubscribe': 'uri',
};

/** Tool, prompt or resource URI that a message is about; empty: none. */
export function targetOf(message: Message): string {
  if (message.kind === 'response') return '';
  const field = Object.hasOwn(targetFields, message.method)
    ? targetFields[message.method]
    : undefined;
  const target = field === undefined ? undefined : message.params[field];
  return typeof target === 'string' ? target : '';
}

/**
 * What a subscription is about, without what it names: scopes ask whether it is about more than tools, which one
 * more kind of thing already answers.
 */
function filterKinds(params: Readonly<Record<string, unknown>>) {
  const filter = params['notifications'];
  if (!isRecord(filter)) return noParams;
  const kinds = Object.entries(filter).filter(([, value]) => value !== false);
  const short = kinds.slice(0, 8).map(([kind, value]) => [kind.slice(0, 64), value === true || []]);
  return { notifications: Object.fromEntries(short) as Record<string, unknown> };
}

/** The message with nothing of its params but what it is about: they may be long, and a stream may last. */
export function withoutParams(message: Message): Message {
  if (message.kind === 'response') return message;
  if (message.method === 'subscriptions/listen') {
    return { ...message, params: filterKinds(message.params) };
  }
  const target = targetOf(message);
  const field = targetFields[message.method];
  const params = target === '' || field === undefined ? noParams : { [field]: target };
  return { ...message, params };
}
