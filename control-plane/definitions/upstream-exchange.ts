import { type Dispatcher, request } from 'undici';
import { unreachableReason } from '../../common/unreachable-reason.ts';

/** Where definitions are asked for, and as whom. */
export interface DefinitionSource {
  readonly url: string;
  readonly transport: 'streamable-http' | 'http-sse';
  /** Undefined: it is found out. */
  readonly era: 'legacy' | 'modern' | 'dual' | undefined;
  /** Decrypted. */
  readonly credential: { readonly header: string; readonly value: string } | undefined;
}

export interface ExchangeOptions {
  readonly dispatcher: Dispatcher;
  /** For everything but the end of a session. */
  readonly timeoutMs: number;
  /** Of all answers together. */
  readonly bytesMax: number;
  /** Aborted when there is no more time for it. */
  readonly stop?: AbortSignal | undefined;
}

const sessionEndTimeoutMs = 5000;
/** Statuses whose answers have no body. */
const bodiless: ReadonlySet<number> = new Set([204, 205, 304]);

/**
 * Everything that is said to one server while its definitions are fetched: to the server's own address,
 * with its own credential, without redirects, within a time and a number of bytes. What went wrong is kept
 * in words of ours.
 */
export class UpstreamExchange {
  readonly #source: DefinitionSource;
  readonly #options: ExchangeOptions;
  readonly #abort = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #bytesLeft: number;
  #problem: string | undefined;
  #refusedStatus: number | undefined;

  constructor(source: DefinitionSource, options: ExchangeOptions) {
    this.#source = source;
    this.#options = options;
    this.#bytesLeft = options.bytesMax;
    this.#timer = setTimeout(() => this.#fail('it took too long to answer'), options.timeoutMs);
    if (options.stop?.aborted) this.#onStop();
    options.stop?.addEventListener('abort', this.#onStop);
  }

  /** Aborted once nothing more will come of it. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** What went wrong on the way, such as `it refuses connections`; undefined: nothing. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** HTTP status of the last answer if that was no success. */
  get refusedStatus(): number | undefined {
    return this.#refusedStatus;
  }

  /** In place of the global `fetch`. */
  readonly fetch = async (url: string | URL, init: RequestInit = {}): Promise<Response> => {
    const headers = new Headers(init.headers);
    const method = init.method ?? 'GET';
    // Nothing is waited for there but the rest of an answer that broke off.
    const isIdleStream = method === 'GET' && !headers.has('last-event-id');
    if (isIdleStream && this.#source.transport === 'streamable-http') {
      return new Response(null, { status: 405 });
    }
    const signals = [this.#abort.signal, ...(init.signal ? [init.signal] : [])];
    return this.#send(String(url), {
      method,
      headers,
      body: typeof init.body === 'string' ? init.body : undefined,
      signal: AbortSignal.any(signals),
    });
  };

  /** Ends a session, whatever became of it: a server may hold something for each. Never rejects. */
  async endSession(sessionId: string, protocolVersion: string | undefined): Promise<void> {
    const headers = new Headers({ 'mcp-session-id': sessionId });
    if (protocolVersion !== undefined) headers.set('mcp-protocol-version', protocolVersion);
    const signal = AbortSignal.timeout(sessionEndTimeoutMs);
    const call = { method: 'DELETE', headers, body: undefined, signal };
    const reply = await this.#send(this.#source.url, call).catch(() => undefined);
    await reply?.body?.cancel().catch(() => undefined);
  }

  /** Breaks off what is under way. */
  close(): void {
    clearTimeout(this.#timer);
    this.#options.stop?.removeEventListener('abort', this.#onStop);
    this.#abort.abort();
  }

  readonly #onStop = (): void => {
    this.#fail('the worker is being stopped');
  };

  #fail(problem: string): Error {
    this.#problem ??= problem;
    const error = new Error(problem);
    this.#abort.abort(error);
    return error;
  }

  async #send(
    url: string,
    call: {
      readonly method: string;
      readonly headers: Headers;
      readonly body: string | undefined;
      readonly signal: AbortSignal;
    },
  ): Promise<Response> {
    const { method, headers, body, signal } = call;
    const { credential } = this.#source;
    // A bound on bytes is then one on memory.
    headers.set('accept-encoding', 'identity');
    if (credential !== undefined) headers.set(credential.header, credential.value);
    const reply = await request(url, {
      dispatcher: this.#options.dispatcher,
      method: method as Dispatcher.HttpMethod,
      headers: Object.fromEntries(headers),
      body: body ?? null,
      signal,
    }).catch((error: unknown) => {
      if (!signal.aborted) this.#problem ??= unreachableReason(error);
      throw error;
    });
    const status = reply.statusCode;
    const answered = headersOf(reply.headers);
    if (status >= 300 && status < 400 && status !== 304) {
      discard(reply.body);
      throw this.#fail('it redirects elsewhere, which is not followed');
    }
    if (!/^(?:identity)?$/i.test(answered.get('content-encoding') ?? '')) {
      discard(reply.body);
      throw this.#fail('its answer is compressed, which it was not asked for');
    }
    if (method !== 'DELETE') this.#refusedStatus = status >= 400 ? status : undefined;
    if (bodiless.has(status)) {
      discard(reply.body);
      return new Response(null, { status, headers: answered });
    }
    return new Response(ReadableStream.from(this.#counted(reply.body)), {
      status,
      headers: answered,
    });
  }

  async *#counted(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      this.#bytesLeft -= chunk.length;
      if (this.#bytesLeft < 0) throw this.#fail('its answers are too large');
      yield chunk;
    }
  }
}

/** Its end is nobody's error. */
function discard(body: Dispatcher.ResponseData['body']): void {
  body.on('error', () => undefined).destroy();
}

function headersOf(fields: Readonly<Record<string, string | string[] | undefined>>): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(fields)) {
    for (const item of [value ?? []].flat()) headers.append(name, item);
  }
  return headers;
}
