import { Counter, type Registry } from 'prom-client';
import type { DecisionCounts } from './decision-counts.ts';

/** Registers the metrics of decisions; each is read when it is scraped. Policies have no labels: they are many. */
export function definePolicyMetrics(registry: Registry, counts: DecisionCounts): void {
  new Counter({
    name: 'mcpgw_policy_decisions_total',
    help: 'Messages that policies were asked about, by outcome and by what decided.',
    labelNames: ['outcome', 'cause'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { labels, count } of counts.decisions()) this.inc({ ...labels }, count);
    },
  });
  new Counter({
    name: 'mcpgw_policy_shadow_decisions_total',
    help: 'Decisions that policies in shadow mode would have made otherwise, by outcome.',
    labelNames: ['outcome'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [outcome, count] of counts.shadow()) this.inc({ outcome }, count);
    },
  });
}
