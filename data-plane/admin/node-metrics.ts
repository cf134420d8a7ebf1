import { Counter, Gauge, type Registry } from 'prom-client';
import type { ConfigClientStatus } from '../discovery/config-client.ts';
import type { ReporterStatus } from '../events/reporter.ts';
import type { SpoolStatus } from '../events/spool-options.ts';
import type { ResourceState } from '../snapshot/resource-state.ts';
import type { SnapshotSource } from '../snapshot/snapshot.ts';

/** What the node's own metrics are read from, at each scrape. */
export interface NodeMetricsSources {
  readonly snapshots: SnapshotSource;
  readonly configClient: { state(): ResourceState; status(): ConfigClientStatus };
  readonly spool: { status(): SpoolStatus };
  readonly reporter: { status(): ReporterStatus };
}

function gauge(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}

function counter(registry: Registry, name: string, help: string, read: () => number): void {
  new Counter({
    name,
    help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(read());
    },
  });
}

function defineConfigMetrics(registry: Registry, sources: NodeMetricsSources): void {
  const { configClient, snapshots } = sources;
  gauge(registry, 'mcpgw_config_revision', 'Revision of the snapshot in force; 0: none.', () => {
    return snapshots.current()?.revision ?? 0;
  });
  gauge(
    registry,
    'mcpgw_config_connected',
    'Whether the control plane streams to this node.',
    () => {
      return configClient.status().connection === 'connected' ? 1 : 0;
    },
  );
  gauge(
    registry,
    'mcpgw_config_staleness_seconds',
    'Time since the control plane last read its change feed; -1: never heard of.',
    () => {
      const { stalenessMs } = configClient.status();
      return stalenessMs === undefined ? -1 : stalenessMs / 1000;
    },
  );
  gauge(registry, 'mcpgw_config_refused_resources', 'Resources that this node can’t use.', () => {
    return configClient.state().refusedCount;
  });
  counter(registry, 'mcpgw_config_streams_total', 'Streams opened to the control plane.', () => {
    return configClient.status().streamsTotal;
  });
  counter(registry, 'mcpgw_config_ranges_total', 'Revision ranges applied.', () => {
    return configClient.status().rangesTotal;
  });
  new Gauge({
    name: 'mcpgw_config_resources',
    help: 'Resources held, by type.',
    labelNames: ['type'],
    registers: [registry],
    collect() {
      const state = configClient.state();
      this.reset();
      for (const type of state.types()) this.set({ type }, state.digest(type).count);
    },
  });
}

function defineSpoolMetrics(registry: Registry, { spool }: NodeMetricsSources): void {
  gauge(registry, 'mcpgw_spool_bytes', 'Size of the event spool.', () => spool.status().bytes);
  gauge(registry, 'mcpgw_spool_refusal_bytes', 'Part of the spool that refusals take.', () => {
    return spool.status().refusalBytes;
  });
  gauge(registry, 'mcpgw_spool_waiting_events', 'Events that wait for acknowledgment.', () => {
    const { recordedSequence, acknowledgedSequence } = spool.status();
    return Math.max(0, recordedSequence - acknowledgedSequence);
  });
  gauge(registry, 'mcpgw_spool_has_room', 'Whether must-audit calls may begin.', () => {
    return spool.status().hasRoom ? 1 : 0;
  });
  counter(registry, 'mcpgw_spool_recorded_total', 'Events recorded.', () => {
    return spool.status().recordedTotal;
  });
  counter(registry, 'mcpgw_spool_dropped_total', 'Calls that could not be recorded.', () => {
    return spool.status().droppedTotal;
  });
}

function defineReporterMetrics(registry: Registry, { reporter }: NodeMetricsSources): void {
  gauge(registry, 'mcpgw_reporter_connected', 'Whether the control plane takes events.', () => {
    return reporter.status().connected ? 1 : 0;
  });
  counter(registry, 'mcpgw_reporter_events_total', 'Events sent, repeats included.', () => {
    return reporter.status().eventsTotal;
  });
  counter(
    registry,
    'mcpgw_reporter_rejected_total',
    'Events that the control plane could not write.',
    () => reporter.status().rejectedTotal,
  );
}

/** Registers the metrics of discovery, snapshot, spool and reporter; each is read when it is scraped. */
export function defineNodeMetrics(registry: Registry, sources: NodeMetricsSources): void {
  defineConfigMetrics(registry, sources);
  defineSpoolMetrics(registry, sources);
  defineReporterMetrics(registry, sources);
}
