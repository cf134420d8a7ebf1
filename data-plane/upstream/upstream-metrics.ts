import { Counter, Gauge, type Registry } from 'prom-client';
import type { UpstreamFailure } from './upstream-transport.ts';

/** What the node is doing towards its upstreams at this moment, read when metrics are scraped. */
export interface UpstreamGauges {
  readonly calls: number;
  readonly streams: number;
  readonly queued: number;
  readonly pools: number;
  /** Sessions with HTTP+SSE upstreams. */
  readonly sseSessions: number;
}

/** Counters of the way to the upstreams. No label names a tenant or an endpoint: their number is bounded. */
export interface UpstreamMetrics {
  connected(ok: boolean): void;
  failed(reason: UpstreamFailure['reason']): void;
}

/** Registers the metrics; `gauges` is asked at each scrape. */
export function createUpstreamMetrics(
  registry: Registry,
  gauges: () => UpstreamGauges,
): UpstreamMetrics {
  const connects = new Counter({
    name: 'mcpgw_upstream_connects_total',
    help: 'Connections opened to upstreams, by outcome.',
    labelNames: ['outcome'],
    registers: [registry],
  });
  const failures = new Counter({
    name: 'mcpgw_upstream_failures_total',
    help: 'Exchanges with upstreams that did not come to their regular end, by reason.',
    labelNames: ['reason'],
    registers: [registry],
  });
  const gauge = (name: string, help: string, value: (state: UpstreamGauges) => number) =>
    new Gauge({
      name: `mcpgw_upstream_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(value(gauges()));
      },
    });
  gauge('active_calls', 'Calls that wait for their response or read it.', (state) => state.calls);
  gauge('open_streams', 'Event streams from upstreams.', (state) => state.streams);
  gauge('queued_calls', 'Calls that wait for a place at their endpoint.', (state) => state.queued);
  gauge('pools', 'Endpoints that the node holds connections for.', (state) => state.pools);
  gauge('sse_sessions', 'Sessions with HTTP+SSE upstreams.', (state) => state.sseSessions);
  return {
    connected: (ok) => connects.inc({ outcome: ok ? 'ok' : 'failed' }),
    failed: (reason) => failures.inc({ reason }),
  };
}
