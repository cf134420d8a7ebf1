import type { Registry } from 'prom-client';
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

/** The way to the upstreams, as the pipeline takes it. */
export interface Upstreams {
  /** Opens exchanges over whatever transport the server has. */
  readonly transport: UpstreamTransport;
  readonly picker: EndpointPicker;
  readonly eras: EraDetector;
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
  return {
    transport: {
      open: (request, sink) =>
        request.server.transport === 'http-sse'
          ? httpSse.open(request, sink)
          : streamableHttp.open(request, sink),
    },
    picker: new EndpointPicker(),
    eras: new EraDetector({
      transport: streamableHttp,
      clockMs,
      probeTimeoutMs: bounds.eraProbeTimeoutMs,
      eraFreshMs: bounds.eraFreshMs,
    }),
    async close() {
      httpSse.close();
      await streamableHttp.close();
    },
  };
}
