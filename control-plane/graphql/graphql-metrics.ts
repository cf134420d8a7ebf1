import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** What is counted of the GraphQL API. */
export interface GraphqlMetrics {
  operation(type: string, failed: boolean, seconds: number): void;
}

/** Registers the API's metrics; `openSubscriptions` is asked at each scrape. */
export function createGraphqlMetrics(
  registry: Registry,
  openSubscriptions: () => number,
): GraphqlMetrics {
  const registers = [registry];
  const operations = new Counter({
    name: 'mcpgw_graphql_operations_total',
    help: 'Operations over HTTP, by type and whether the answer holds errors.',
    labelNames: ['type', 'outcome'],
    registers,
  });
  const duration = new Histogram({
    name: 'mcpgw_graphql_operation_duration_seconds',
    help: 'Time from an operation’s arrival to its answer.',
    labelNames: ['type'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers,
  });
  new Gauge({
    name: 'mcpgw_graphql_subscriptions',
    help: 'Subscriptions that are open.',
    registers,
    collect() {
      this.set(openSubscriptions());
    },
  });
  return {
    operation(type, failed, seconds) {
      operations.inc({ type, outcome: failed ? 'errors' : 'ok' });
      duration.observe({ type }, seconds);
    },
  };
}
