import type { Pattern } from './pattern.ts';
import { textSet } from './text-set.ts';

/** The patterns of one list of a policy, of which one has to match. */
export class PatternList {
  /** One for all: most lists of a policy are empty. */
  static readonly empty = new PatternList([]);

  /** Number of patterns. What an empty list means is up to its owner. */
  readonly size: number;
  /** Where a match can only be found: under a whole text, or under what it starts with. */
  readonly exact: ReadonlySet<string>;
  readonly prefixes: ReadonlySet<string>;
  readonly patterns: readonly Pattern[];
  readonly #wildcards: readonly Pattern[];

  constructor(patterns: readonly Pattern[]) {
    this.patterns = patterns;
    this.size = patterns.length;
    const wildcards = patterns.filter(({ exact }) => exact === undefined);
    const exact = patterns.flatMap((pattern) => pattern.exact ?? []);
    this.exact = textSet(exact);
    // Mostly a list has wildcards alone, or none.
    this.#wildcards = exact.length === 0 ? patterns : wildcards;
    this.prefixes = textSet(wildcards.map(({ prefix }) => prefix));
  }

  get isEmpty(): boolean {
    return this.size === 0;
  }

  matches(text: string): boolean {
    if (this.exact.has(text)) return true;
    for (const pattern of this.#wildcards) {
      if (pattern.matches(text)) return true;
    }
    return false;
  }
}
