import type { Pattern } from './pattern.ts';

/** The patterns of one list of a policy, of which one has to match. */
export class PatternList {
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
    const exact = new Set<string>();
    const wildcards: Pattern[] = [];
    for (const pattern of patterns) {
      if (pattern.exact === undefined) wildcards.push(pattern);
      else exact.add(pattern.exact);
    }
    this.exact = exact;
    this.#wildcards = wildcards;
    this.prefixes = new Set(wildcards.map(({ prefix }) => prefix));
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
