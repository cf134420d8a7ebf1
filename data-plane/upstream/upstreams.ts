import type { Registry } from 'prom-client';
import type { EndpointEntry, ServerEntry, UpstreamEra } from '../snapshot/snapshot.ts';
import { EndpointAttempts } from './endpoint-attempts.ts';
import { EndpointPicker } from './endpoint-picker.ts';
import { EraDetector } from './era-detector.ts';
import { HttpSseTransport } from './http-sse/http-sse-transport.ts';
import { StreamableHttpTransport } from './streamable-http-transport.ts';
import { createUpstreamMetrics } from './upstream-metrics.ts';
import type { UpstreamOptions } from './upstream-options.ts';
import type { UpstreamTransport } from './upstream-transport.ts';

export interface UpstreamsOptions {
  readonly bounds: UpstreamOptions;
  readonly registry: Registry;
  /** Monotonic, in milliseconds. */
  readonly clockMs: () => number;
  /** Cryptographically strong: session ids are made of it. */
  readonly randomBytes: (size: number) => Buffer;
}

/** The way to the upstreams, as the pipeline sees it. */
export interface Upstreams extends UpstreamTransport {
  /**
   * The endpoints that a call without a session may be tried on.
   *
   * @param attemptsMax including the first; at least 1.
   */
  attempts(server: ServerEntry, attemptsMax: number): EndpointAttempts;
  /** The endpoint that a session began on; undefined when the server has it no more. */
  find(server: ServerEntry, endpointId: string): EndpointEntry | undefined;
  /** The era where it is known without asking. */
  knownEra(server: ServerEntry, endpoint: EndpointEntry): UpstreamEra | undefined;
  /** The era, asked for if need be; undefined when the endpoint can't be reached. Never rejects. */
  eraOf(server: ServerEntry, endpoint: EndpointEntry): Promise<UpstreamEra | undefined>;
  /** A request of this era was served, or refused in a way that shows that its era isn't. */
  eraObserved(endpoint: EndpointEntry, era: 'legacy' | 'modern', served: boolean): void;
  /** Ends every exchange with `upstream_closed`, all HTTP+SSE sessions and all connections. */
  close(): Promise<void>;
}

/**
 * Wires transports, endpoint choice and era detection together. Nothing has to be told about new
 * snapshots: what an endpoint needs is made at its first call, follows its entry, and is given back once
 * the endpoint is no longer called.
 */
export function createUpstreams(options: UpstreamsOptions): Upstreams {
  const { bounds, registry, clockMs, randomBytes } = options;
  const metrics = createUpstreamMetrics(registry, () => ({
    ...streamableHttp.sums(),
    sseSessions: httpSse.sessions,
  }));
  const streamableHttp = new StreamableHttpTransport({ bounds, metrics, clockMs });
  const httpSse = new HttpSseTransport({
    transport: streamableHttp,
    randomBytes,
    sessionsMax: bounds.sseSessionsMax,
    idleMs: bounds.sseSessionIdleMs,
    queueBytesMax: bounds.sseQueueBytesMax,
    eventBytesMax: bounds.sseEventBytesMax,
  });
  const picker = new EndpointPicker();
  const eras = new EraDetector({
    transport: streamableHttp,
    clockMs,
    probeTimeoutMs: bounds.eraProbeTimeoutMs,
    eraFreshMs: bounds.eraFreshMs,
  });
  return {
    open: (request, sink) =>
      request.server.transport === 'http-sse'
        ? httpSse.open(request, sink)
        : streamableHttp.open(request, sink),
    attempts: (server, attemptsMax) => new EndpointAttempts(picker, server, attemptsMax),
    find: (server, endpointId) => picker.find(server, endpointId),
    knownEra: (server, endpoint) => eras.known(server, endpoint),
    eraOf: (server, endpoint) => eras.eraOf(server, endpoint),
    eraObserved: (endpoint, era, served) => eras.observed(endpoint, era, served),
    async close() {
      httpSse.close();
      await streamableHttp.close();
    },
  };
}
