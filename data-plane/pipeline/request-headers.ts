/** The headers that the pipeline reads, and those that go on to an upstream as they are. */
export interface RequestHeaders {
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly authorization: string | undefined;
  readonly accept: string | undefined;
  readonly contentType: string | undefined;
  readonly sessionId: string | undefined;
  readonly protocolVersion: string | undefined;
  readonly lastEventId: string | undefined;
  readonly mcpMethod: string | undefined;
  readonly mcpName: string | undefined;
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
  readonly requestedMethod: string | undefined;
  readonly requestedHeaders: string | undefined;
  /** `Mcp-Param-*`, lower-case names: forwarded, whatever they mean. */
  readonly params: Readonly<Record<string, string>>;
  /** A header that may stand once stood there more often; two readers could take different ones. */
  readonly repeated: boolean;
}

type Field = Exclude<keyof RequestHeaders, 'params' | 'repeated'>;

const fields: ReadonlyMap<string, Field> = new Map([
  ['host', 'host'],
  ['origin', 'origin'],
  ['authorization', 'authorization'],
  ['accept', 'accept'],
  ['content-type', 'contentType'],
  ['mcp-session-id', 'sessionId'],
  ['mcp-protocol-version', 'protocolVersion'],
  ['last-event-id', 'lastEventId'],
  ['mcp-method', 'mcpMethod'],
  ['mcp-name', 'mcpName'],
  ['traceparent', 'traceparent'],
  ['tracestate', 'tracestate'],
  ['access-control-request-method', 'requestedMethod'],
  ['access-control-request-headers', 'requestedHeaders'],
]);

/** Fields that are lists: repeated ones are joined (RFC 9110, 5.3). */
const lists: ReadonlySet<Field> = new Set(['accept', 'tracestate', 'requestedHeaders']);

const paramPrefix = 'mcp-param-';

type MutableHeaders = { -readonly [Key in Field]: string | undefined } & {
  params: Record<string, string>;
  repeated: boolean;
};

const noParams: Readonly<Record<string, string>> = {};

function emptyHeaders(): MutableHeaders {
  return {
    host: undefined,
    origin: undefined,
    authorization: undefined,
    accept: undefined,
    contentType: undefined,
    sessionId: undefined,
    protocolVersion: undefined,
    lastEventId: undefined,
    mcpMethod: undefined,
    mcpName: undefined,
    traceparent: undefined,
    tracestate: undefined,
    requestedMethod: undefined,
    requestedHeaders: undefined,
    params: noParams,
    repeated: false,
  };
}

function addParam(headers: MutableHeaders, name: string, value: string): void {
  if (headers.params === noParams) headers.params = {};
  if (Object.hasOwn(headers.params, name)) headers.repeated = true;
  headers.params[name] = value;
}

/** Walks the raw headers once. */
export function readRequestHeaders(raw: readonly string[]): RequestHeaders {
  const headers = emptyHeaders();
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = (raw[index] ?? '').toLowerCase();
    const value = raw[index + 1] ?? '';
    const field = fields.get(name);
    if (field === undefined) {
      if (name.startsWith(paramPrefix)) addParam(headers, name, value);
      continue;
    }
    const before = headers[field];
    if (before === undefined) headers[field] = value;
    else if (lists.has(field)) headers[field] = `${before}, ${value}`;
    else headers.repeated = true;
  }
  return headers;
}
