/**
 * The parts of a JSON-RPC message that decide where it goes. Ids and tokens are told apart by type, as 1
 * and "1" are different ids; they are compared, never rewritten: the message itself is relayed verbatim.
 */
export type MessageEnvelope =
  | {
      readonly kind: 'request';
      readonly id: string;
      readonly method: string;
      readonly progressToken: string | undefined;
    }
  | {
      readonly kind: 'notification';
      readonly method: string;
      readonly progressToken: string | undefined;
    }
  | {
      readonly kind: 'response';
      /** Undefined where the sender could not tell which request it answers. */
      readonly id: string | undefined;
      readonly failed: boolean;
    };

export type RequestEnvelope = Extract<MessageEnvelope, { kind: 'request' }>;

/** Reads one message; undefined when the text is no single JSON-RPC message. */
export function readEnvelope(text: string): MessageEnvelope | undefined {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(message)) return undefined;
  const { method } = message;
  if (typeof method === 'string') return readCall(message, method);
  if (!('result' in message) && !('error' in message)) return undefined;
  return { kind: 'response', id: key(message['id']), failed: 'error' in message };
}

function readCall(message: Record<string, unknown>, method: string): MessageEnvelope | undefined {
  const params = isRecord(message['params']) ? message['params'] : undefined;
  const meta = params?.['_meta'];
  // A progress notification carries the token that a request has named in its _meta.
  const holder = method === 'notifications/progress' ? params : isRecord(meta) ? meta : undefined;
  const progressToken = key(holder?.['progressToken']);
  if (!('id' in message)) return { kind: 'notification', method, progressToken };
  const id = key(message['id']);
  return id === undefined ? undefined : { kind: 'request', id, method, progressToken };
}

/** One text for each id or token, distinct by type; undefined for what can be neither. */
function key(value: unknown): string | undefined {
  if (typeof value === 'string') return `s${value}`;
  return typeof value === 'number' ? `n${value}` : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
