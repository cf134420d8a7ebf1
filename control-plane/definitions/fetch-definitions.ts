import {
  Client,
  ProtocolError,
  SdkError,
  SdkErrorCode,
  SSEClientTransport,
  StreamableHTTPClientTransport,
  type VersionNegotiationMode,
} from '@modelcontextprotocol/client';
import type { Dispatcher } from 'undici';
import { z } from 'zod';
import { productVersion } from '../../common/product-version.ts';
import {
  DefinitionCollector,
  type DefinitionKind,
  definitionKinds,
  type LeftOut,
  type OfferedDefinition,
} from './offered-definition.ts';
import { type DefinitionSource, UpstreamExchange } from './upstream-exchange.ts';

/** Bounds on one visit at a server. Times in milliseconds. */
export interface FetchBounds {
  /** For the visit as a whole, the end of its session apart. */
  readonly totalTimeoutMs: number;
  readonly requestTimeoutMs: number;
  /** Of one list. */
  readonly pagesMax: number;
  /** Of all answers together. */
  readonly bytesMax: number;
}

export const fetchBoundsDefault: FetchBounds = {
  totalTimeoutMs: 60_000,
  requestTimeoutMs: 15_000,
  pagesMax: 200,
  bytesMax: 16 * 1024 * 1024,
};

export interface FetchOptions {
  /** Connects to servers, to allowed addresses alone. */
  readonly dispatcher: Dispatcher;
  readonly bounds?: FetchBounds;
  /** Aborted when there is no more time for it. */
  readonly stop?: AbortSignal | undefined;
}

/** What a server offers, as far as it said so. */
export interface FetchedDefinitions {
  readonly definitions: readonly OfferedDefinition[];
  /** Kinds whose lists were read; of others nothing is known. */
  readonly listed: ReadonlySet<DefinitionKind>;
  readonly leftOut: ReadonlyMap<LeftOut, number>;
  /** Sentences about lists that could not be read, or not to their end. */
  readonly problems: readonly string[];
}

export type FetchOutcome =
  | { readonly ok: true; readonly fetched: FetchedDefinitions }
  | { readonly ok: false; readonly error: string };

interface ListMethod {
  readonly method: string;
  /** Member of the result that holds the items. */
  readonly items: string;
  /** What a server that has such a list says of itself. */
  readonly capability: 'tools' | 'prompts' | 'resources';
}

const listMethods: Readonly<Record<DefinitionKind, ListMethod>> = {
  tool: { method: 'tools/list', items: 'tools', capability: 'tools' },
  prompt: { method: 'prompts/list', items: 'prompts', capability: 'prompts' },
  resource_template: {
    method: 'resources/templates/list',
    items: 'resourceTemplates',
    capability: 'resources',
  },
  resource: { method: 'resources/list', items: 'resources', capability: 'resources' },
};

const modernVersion = '2026-07-28';
const methodNotFound = -32601;
const cursorLengthMax = 8192;
/**
 * Some servers offer a tool only to clients that can do what it asks of them. We can't, and refuse if asked; but
 * what any client may be offered has to be known here.
 */
const everyCapability = {
  roots: { listChanged: true },
  sampling: {},
  elicitation: { form: {}, url: {} },
};
/** Items are looked at one by one: a list with one that is broken still has the others. */
const anyResult = z.record(z.string(), z.unknown());

function negotiation({ transport, era }: DefinitionSource): VersionNegotiationMode {
  if (transport === 'http-sse' || era === 'legacy') return 'legacy';
  return era === 'modern' ? { pin: modernVersion } : 'auto';
}

/** What went wrong, in words that the organization's administrators may read: none of the server's own. */
function reasonOf(error: unknown, exchange: UpstreamExchange, asked: string): string {
  if (exchange.problem !== undefined) return exchange.problem;
  if (error instanceof ProtocolError && Number.isInteger(error.code)) {
    return `it answers ${asked} with error ${error.code}`;
  }
  const status = exchange.refusedStatus;
  if (status !== undefined) return `it answers ${asked} with status ${status}`;
  if (error instanceof SdkError) {
    if (error.code === SdkErrorCode.RequestTimeout) return 'it took too long to answer';
    if (error.code === SdkErrorCode.EraNegotiationFailed) {
      return 'it speaks no version of the protocol that is known here';
    }
  }
  return `its answer to ${asked} is not what the protocol says`;
}

/**
 * Whether a failure says that there is no such list: by the protocol's code, or in any way of a server that
 * doesn't announce one.
 */
function saysNone(error: unknown, exchange: UpstreamExchange, isAnnounced: boolean): boolean {
  if (exchange.problem !== undefined) return false;
  if (error instanceof ProtocolError) return !isAnnounced || error.code === methodNotFound;
  const status = exchange.refusedStatus ?? 0;
  return status === 404 || (!isAnnounced && status >= 400 && status < 500);
}

/** One visit at a server. */
class Visit {
  readonly #bounds: FetchBounds;
  readonly #exchange: UpstreamExchange;
  readonly #transport: StreamableHTTPClientTransport | SSEClientTransport;
  readonly #client: Client;
  readonly #collector = new DefinitionCollector();
  readonly #listed = new Set<DefinitionKind>();
  readonly #problems: string[] = [];

  constructor(source: DefinitionSource, { dispatcher, stop, bounds }: Required<FetchOptions>) {
    const { totalTimeoutMs: timeoutMs, requestTimeoutMs, bytesMax } = bounds;
    this.#bounds = bounds;
    this.#exchange = new UpstreamExchange(source, { dispatcher, timeoutMs, bytesMax, stop });
    const url = new URL(source.url);
    const { fetch } = this.#exchange;
    this.#transport =
      source.transport === 'http-sse'
        ? new SSEClientTransport(url, { fetch })
        : new StreamableHTTPClientTransport(url, { fetch });
    this.#client = new Client(
      { name: 'mcp-gateway', version: productVersion },
      {
        capabilities: everyCapability,
        versionNegotiation: { mode: negotiation(source), probe: { timeoutMs: requestTimeoutMs } },
      },
    );
  }

  async run(): Promise<FetchOutcome> {
    try {
      await this.#untilAborted(this.#client.connect(this.#transport, this.#requestOptions));
    } catch (error) {
      return this.#failed(error, 'the first request');
    }
    for (const kind of definitionKinds) {
      const failure = await this.#list(kind);
      if (failure !== undefined) return failure;
    }
    const { definitions, leftOut } = this.#collector;
    const fetched = { definitions, leftOut, listed: this.#listed, problems: this.#problems };
    return { ok: true, fetched };
  }

  /** Leaves nothing behind: neither a session at the server nor a connection here. */
  async end(): Promise<void> {
    const { sessionId, protocolVersion } =
      this.#transport instanceof StreamableHTTPClientTransport
        ? this.#transport
        : { sessionId: undefined, protocolVersion: undefined };
    await this.#client.close().catch(() => undefined);
    await this.#transport.close().catch(() => undefined);
    if (sessionId !== undefined) await this.#exchange.endSession(sessionId, protocolVersion);
    this.#exchange.close();
  }

  get #requestOptions() {
    return { timeout: this.#bounds.requestTimeoutMs, signal: this.#exchange.signal };
  }

  /** Not everything in the library heeds a signal. */
  #untilAborted<T>(work: Promise<T>): Promise<T> {
    const { signal } = this.#exchange;
    const { promise, reject } = Promise.withResolvers<never>();
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    return Promise.race([work, promise]).finally(() =>
      signal.removeEventListener('abort', onAbort),
    );
  }

  #failed(error: unknown, asked: string): FetchOutcome {
    return { ok: false, error: `The server failed: ${reasonOf(error, this.#exchange, asked)}.` };
  }

  /**
   * Reads one list. Tools are asked for also where the server doesn't say that it has any: clients may call
   * them all the same. Without them the visit has failed; without another list it has less to tell.
   */
  async #list(kind: DefinitionKind): Promise<FetchOutcome | undefined> {
    const { method, capability } = listMethods[kind];
    const isAnnounced = this.#client.getServerCapabilities()?.[capability] !== undefined;
    if (!isAnnounced && kind !== 'tool') {
      this.#listed.add(kind);
      return undefined;
    }
    try {
      await this.#readPages(kind);
      this.#listed.add(kind);
    } catch (error) {
      if (saysNone(error, this.#exchange, isAnnounced)) {
        this.#listed.add(kind);
        return undefined;
      }
      if (this.#exchange.problem !== undefined || kind === 'tool') {
        return this.#failed(error, method);
      }
      this.#problems.push(`${method} failed: ${reasonOf(error, this.#exchange, method)}.`);
    }
    return undefined;
  }

  async #readPages(kind: DefinitionKind): Promise<void> {
    const { method, items } = listMethods[kind];
    const seen = new Set<string>();
    let params: { cursor?: string } = {};
    for (let page = 0; page < this.#bounds.pagesMax; page += 1) {
      const result = await this.#untilAborted(
        this.#client.request({ method, params }, anyResult, this.#requestOptions),
      );
      const listed = result[items];
      if (!Array.isArray(listed)) {
        throw new SdkError(SdkErrorCode.InvalidResult, `${method} holds no list`);
      }
      for (const item of listed) this.#collector.add(kind, item);
      const cursor = result['nextCursor'];
      if (cursor === undefined || cursor === null) return;
      // An empty cursor is one as well. One that was there before leads in a circle.
      if (typeof cursor !== 'string' || cursor.length > cursorLengthMax || seen.has(cursor)) {
        this.#problems.push(`${method} goes on with a cursor that leads nowhere.`);
        return;
      }
      seen.add(cursor);
      params = { cursor };
    }
    this.#problems.push(`${method} has more than ${this.#bounds.pagesMax} pages.`);
  }
}

/**
 * Asks a server for everything that it offers: all pages of each list, within bounds. Never throws for what
 * the server does, and ends the session that it opens, whatever becomes of it.
 */
export async function fetchDefinitions(
  source: DefinitionSource,
  options: FetchOptions,
): Promise<FetchOutcome> {
  const visit = new Visit(source, { stop: undefined, bounds: fetchBoundsDefault, ...options });
  try {
    return await visit.run();
  } finally {
    await visit.end();
  }
}
