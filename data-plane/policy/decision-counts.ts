import type { Decision, ShadowDecision } from '../../common/policy/decision.ts';

/** What decided a message, and how. */
export interface DecisionLabels {
  readonly outcome: 'allowed' | 'denied';
  readonly cause: Decision['cause'];
}

/** How many messages were decided in which way since the node began. */
export class DecisionCounts {
  readonly #decisions = new Map<string, { readonly labels: DecisionLabels; count: number }>();
  readonly #shadow = new Map<ShadowDecision['outcome'], number>();

  add({ allowed, cause, shadow }: Decision): void {
    const outcome = allowed ? 'allowed' : 'denied';
    const entry = this.#decisions.get(`${outcome} ${cause}`);
    if (entry === undefined) {
      this.#decisions.set(`${outcome} ${cause}`, { labels: { outcome, cause }, count: 1 });
    } else {
      entry.count += 1;
    }
    for (const would of shadow) {
      this.#shadow.set(would.outcome, (this.#shadow.get(would.outcome) ?? 0) + 1);
    }
  }

  decisions(): Iterable<{ readonly labels: DecisionLabels; readonly count: number }> {
    return this.#decisions.values();
  }

  /** What shadow policies would have decided otherwise, by outcome. */
  shadow(): Iterable<readonly [ShadowDecision['outcome'], number]> {
    return this.#shadow;
  }
}
