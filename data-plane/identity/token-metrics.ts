import { Counter, Gauge, type Registry } from 'prom-client';
import type { TokenCounts } from './token-identifier.ts';

/** Registers the metrics of access tokens; each is read when it is scraped, so that calls pay nothing. */
export function defineTokenMetrics(registry: Registry, counts: () => TokenCounts): void {
  const counter = (name: string, help: string, read: (now: TokenCounts) => number) =>
    new Counter({
      name: `mcpgw_token_${name}`,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(read(counts()));
      },
    });
  const gauge = (name: string, help: string, read: (now: TokenCounts) => number) =>
    new Gauge({
      name: `mcpgw_token_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(read(counts()));
      },
    });
  counter('cache_hits_total', 'Access tokens that were known.', (now) => now.cacheHits);
  counter(
    'verifications_total',
    'Access tokens whose signature was checked.',
    (now) => now.verifications,
  );
  new Counter({
    name: 'mcpgw_token_refusals_total',
    help: 'Access tokens that were refused, by reason.',
    labelNames: ['reason'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [reason, count] of counts().refusals) this.inc({ reason }, count);
    },
  });
  gauge('cache_tokens', 'Verified access tokens held.', (now) => now.cachedTokens);
  gauge('cache_bytes', 'Bytes that they take, roughly.', (now) => now.cachedBytes);
  gauge('verifications_running', 'Signature checks at this moment.', (now) => now.running);
  gauge('verifications_waiting', 'Access tokens that wait for a check.', (now) => now.waiting);
}
