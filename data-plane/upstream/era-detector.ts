import { productVersion } from '../../common/product-version.ts';
import type { EndpointEntry, ServerEntry, UpstreamEra } from '../snapshot/snapshot.ts';
import { isRecord, type ProbeAnswer, probe } from './era-probe.ts';
import type { UpstreamRequest, UpstreamTransport } from './upstream-transport.ts';

/** Terms of the detection; all times in milliseconds. */
export interface EraDetectorOptions {
  readonly transport: UpstreamTransport;
  /** Monotonic. */
  readonly clockMs: () => number;
  readonly probeTimeoutMs: number;
  /** How long an answer is used before it is asked for again, behind the backs of the callers. */
  readonly eraFreshMs: number;
}

/** Terms that suit upstreams of all kinds. */
export const eraDetectorDefaults = { probeTimeoutMs: 5_000, eraFreshMs: 300_000 };

interface Entry {
  readonly href: string;
  era: UpstreamEra | undefined;
  /** When it has to be asked again. */
  staleAtMs: number;
  running: Promise<UpstreamEra | undefined> | undefined;
}

const modernVersion = '2026-07-28';
const legacyVersion = '2025-11-25';
const answerBytesMax = 1_048_576;
/** How long an endpoint that could not be asked is left alone. */
const unknownFreshMs = 2_000;
/** Beyond it the oldest are forgotten, and asked again when they are called. */
const entriesMax = 10_000;

/**
 * Finds out which eras an endpoint serves, as 2026-07-28, "Backward Compatibility" of the Streamable HTTP
 * binding has it: a modern request either succeeds or gets a recognized modern error, anything else is a
 * legacy server. Callers at the same time share one probe.
 *
 * A legacy client's `initialize` needs no detection: it can be sent and tells by itself.
 */
export class EraDetector {
  readonly #options: EraDetectorOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: EraDetectorOptions) {
    this.#options = options;
  }

  /** The era where nothing has to be asked: set, fixed by the transport, or found before. */
  known(server: ServerEntry, endpoint: EndpointEntry): UpstreamEra | undefined {
    if (server.transport === 'http-sse') return 'legacy';
    return server.era ?? this.#entry(endpoint)?.era;
  }

  /** The era of an endpoint; undefined when it can't be reached or refuses to say. Never rejects. */
  async eraOf(server: ServerEntry, endpoint: EndpointEntry): Promise<UpstreamEra | undefined> {
    if (server.transport === 'http-sse') return 'legacy';
    if (server.era !== undefined) return server.era;
    const entry = this.#entry(endpoint) ?? this.#add(endpoint);
    if (entry.staleAtMs > this.#options.clockMs()) return entry.era;
    const running = this.#refresh(server, endpoint, entry);
    // An era rarely changes: the old answer serves until the new one is there.
    return entry.era ?? running;
  }

  /**
   * A request of this era was served, or refused in a way that shows that its era isn't served. Where that
   * contradicts what was found before, it will be asked again.
   */
  observed(endpoint: EndpointEntry, era: 'legacy' | 'modern', served: boolean): void {
    const entry = this.#entry(endpoint);
    if (entry?.era === undefined) return;
    const expected = entry.era === era || entry.era === 'dual';
    if (expected !== served) this.#entries.delete(endpoint.id);
  }

  #entry(endpoint: EndpointEntry): Entry | undefined {
    const entry = this.#entries.get(endpoint.id);
    return entry?.href === endpoint.url.href ? entry : undefined;
  }

  #add(endpoint: EndpointEntry): Entry {
    if (this.#entries.size >= entriesMax) {
      const [oldest] = this.#entries.keys();
      if (oldest !== undefined) this.#entries.delete(oldest);
    }
    const entry: Entry = {
      href: endpoint.url.href,
      era: undefined,
      staleAtMs: Number.NEGATIVE_INFINITY,
      running: undefined,
    };
    this.#entries.delete(endpoint.id);
    this.#entries.set(endpoint.id, entry);
    return entry;
  }

  #refresh(
    server: ServerEntry,
    endpoint: EndpointEntry,
    entry: Entry,
  ): Promise<UpstreamEra | undefined> {
    entry.running ??= this.#detect(server, endpoint).then((era) => {
      const { clockMs, eraFreshMs } = this.#options;
      entry.running = undefined;
      // What can't be asked now keeps the era that it had.
      entry.era = era ?? entry.era;
      entry.staleAtMs = clockMs() + (era === undefined ? unknownFreshMs : eraFreshMs);
      return entry.era;
    });
    return entry.running;
  }

  async #detect(server: ServerEntry, endpoint: EndpointEntry): Promise<UpstreamEra | undefined> {
    const discovered = readDiscovery(await this.#ask(discoverRequest, server, endpoint));
    if (discovered !== 'modern') return discovered;
    // Servers name only modern versions here, also those that serve both: only `initialize` tells.
    const answer = await this.#ask(initializeRequest, server, endpoint);
    if (answer.kind === 'failed') return undefined;
    if (typeof answer.response?.result?.['protocolVersion'] !== 'string') return 'modern';
    this.#endSession(server, endpoint, answer.head.headers.get('mcp-session-id'));
    return 'dual';
  }

  #ask(message: ProbeMessage, server: ServerEntry, endpoint: EndpointEntry): Promise<ProbeAnswer> {
    const { transport, probeTimeoutMs } = this.#options;
    const request: UpstreamRequest = {
      server,
      endpoint,
      method: 'POST',
      headers: message.headers,
      body: message.body,
      headTimeoutMs: probeTimeoutMs,
      idleTimeoutMs: probeTimeoutMs,
    };
    return probe(transport, request, answerBytesMax);
  }

  /** The probe's own session must not stay behind at the server. */
  #endSession(server: ServerEntry, endpoint: EndpointEntry, sessionId: string | undefined): void {
    if (sessionId === undefined) return;
    const { transport, probeTimeoutMs } = this.#options;
    const nothing = () => undefined;
    transport.open(
      {
        server,
        endpoint,
        method: 'DELETE',
        headers: { 'mcp-session-id': sessionId, 'mcp-protocol-version': legacyVersion },
        body: undefined,
        headTimeoutMs: probeTimeoutMs,
        idleTimeoutMs: probeTimeoutMs,
      },
      { onHead: nothing, onData: nothing, onEnd: nothing, onFailure: nothing },
    );
  }
}

interface ProbeMessage {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const clientInfo = { name: 'mcp-gateway', version: productVersion };
const commonHeaders = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
};

const discoverRequest: ProbeMessage = {
  headers: {
    ...commonHeaders,
    'mcp-protocol-version': modernVersion,
    'mcp-method': 'server/discover',
  },
  body: Buffer.from(
    JSON.stringify({
      jsonrpc: '2.0',
      id: 'era-discover',
      method: 'server/discover',
      params: {
        _meta: {
          'io.modelcontextprotocol/protocolVersion': modernVersion,
          'io.modelcontextprotocol/clientInfo': clientInfo,
          'io.modelcontextprotocol/clientCapabilities': {},
        },
      },
    }),
  ),
};

const initializeRequest: ProbeMessage = {
  headers: commonHeaders,
  body: Buffer.from(
    JSON.stringify({
      jsonrpc: '2.0',
      id: 'era-initialize',
      method: 'initialize',
      params: { protocolVersion: legacyVersion, capabilities: {}, clientInfo },
    }),
  ),
};

/** What a server says to `server/discover`; undefined when it says nothing about its era. */
function readDiscovery(answer: ProbeAnswer): UpstreamEra | undefined {
  if (answer.kind === 'failed') return undefined;
  const { head, response } = answer;
  const versions = head.status < 300 ? response?.result?.['supportedVersions'] : undefined;
  const era = eraOfVersions(versions) ?? eraOfError(head.status, response);
  if (era !== undefined) return era;
  // Not let in, asked to wait, or broken: none of them tells what the server would have said.
  const silent = [401, 403, 407, 408, 425, 429].includes(head.status) || head.status >= 500;
  const elsewhere = head.status >= 300 && head.status < 400;
  if (silent || elsewhere) return undefined;
  return 'legacy';
}

function eraOfError(
  status: number,
  response:
    | { readonly error: { readonly code: unknown; readonly data: unknown } | undefined }
    | undefined,
): UpstreamEra | undefined {
  const error = response?.error;
  switch (error?.code) {
    // UnsupportedProtocolVersion names what is supported, which may be older than what we asked for.
    case -32022:
      return isRecord(error.data) ? (eraOfVersions(error.data['supported']) ?? 'modern') : 'modern';
    // HeaderMismatch and MissingRequiredClientCapability exist in the modern era alone.
    case -32020:
    case -32021:
      return 'modern';
    // A modern server says it with 404; a legacy one that doesn't know the method says it with 200 or 400.
    case -32601:
      return status === 404 ? 'modern' : undefined;
    default:
      return undefined;
  }
}

function eraOfVersions(versions: unknown): UpstreamEra | undefined {
  if (!Array.isArray(versions)) return undefined;
  const dated = versions.filter((version) => typeof version === 'string');
  // Versions are dates and sort as text.
  const modern = dated.some((version) => version >= modernVersion);
  const legacy = dated.some((version) => version < modernVersion);
  if (modern) return legacy ? 'dual' : 'modern';
  return legacy ? 'legacy' : undefined;
}
