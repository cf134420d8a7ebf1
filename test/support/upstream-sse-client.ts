import type {
  UpstreamHead,
  UpstreamRequest,
  UpstreamTransport,
} from '../../data-plane/upstream/upstream-transport.ts';
import { endpointEntry, postTo, serverEntry } from './upstream-entries.ts';
import { UpstreamRecorder } from './upstream-recorder.ts';

/** The messages of an event stream. */
export function messagesOf(recorder: UpstreamRecorder): unknown[] {
  return recorder.text
    .split('\n\n')
    .filter((event) => event.startsWith('event: message\n'))
    .map((event) => JSON.parse(event.slice('event: message\ndata: '.length)) as unknown);
}

/** Speaks legacy Streamable HTTP to an HTTP+SSE server through the transport under test. */
export class SseClient {
  readonly #transport: UpstreamTransport;
  readonly #url: URL;
  readonly #fields: Partial<UpstreamRequest>;
  session: string | undefined;

  constructor(transport: UpstreamTransport, url: URL, fields: Partial<UpstreamRequest> = {}) {
    this.#transport = transport;
    this.#url = url;
    this.#fields = fields;
  }

  /** Opens an exchange in the session; `message` is left out for GET and DELETE. */
  open(
    method: 'GET' | 'POST' | 'DELETE',
    message?: unknown,
    fields: Partial<UpstreamRequest> = {},
  ) {
    const endpoint = endpointEntry(this.#url);
    const base = postTo(this.#url, message, {
      endpoint,
      server: serverEntry([endpoint], { transport: 'http-sse' }),
      method,
    });
    const session = this.session === undefined ? {} : { 'mcp-session-id': this.session };
    const recorder = new UpstreamRecorder();
    const exchange = this.#transport.open(
      {
        ...base,
        headers: { ...base.headers, ...session },
        body: message === undefined ? undefined : base.body,
        ...this.#fields,
        ...fields,
      },
      recorder,
    );
    return { recorder, exchange };
  }

  post(message: unknown, fields: Partial<UpstreamRequest> = {}) {
    return this.open('POST', message, fields);
  }

  request(id: unknown, method: string, params: unknown = {}) {
    return this.post({ jsonrpc: '2.0', id, method, params });
  }

  async initialize(): Promise<UpstreamHead> {
    const { recorder } = this.request('init', 'initialize', {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'test', version: '1' },
    });
    const head = await recorder.head;
    await recorder.end;
    this.session = head.headers.get('mcp-session-id');
    return head;
  }
}
