import type { PatternList } from './pattern-list.ts';
import type { PreparedPolicy } from './prepared-policy.ts';

/** Policies that are found together. */
export type Bucket = readonly PreparedPolicy[];

/** Prefixes are told apart up to here, and from there on in steps, so that a look-up tries few lengths. */
const exactPrefixMax = 16;
const prefixStep = 8;
const prefixMax = 128;

/** What of a prefix policies are kept under. */
function keptPrefix(prefix: string): string {
  if (prefix.length <= exactPrefixMax) return prefix;
  const stepped = prefix.length - (prefix.length % prefixStep);
  return prefix.slice(0, Math.min(stepped, prefixMax));
}

function put(buckets: Map<string, PreparedPolicy[]>, key: string, prepared: PreparedPolicy): void {
  const bucket = buckets.get(key);
  if (bucket === undefined) buckets.set(key, [prepared]);
  else if (bucket.at(-1) !== prepared) bucket.push(prepared);
}

function longest(buckets: ReadonlyMap<string, Bucket>, keys: Iterable<string>): number {
  let max = 0;
  for (const key of keys) max = Math.max(max, buckets.get(key)?.length ?? 0);
  return max;
}

/** Policies by the texts that they name to the letter. */
export class NameBuckets {
  readonly #buckets = new Map<string, PreparedPolicy[]>();

  /** Size of the largest bucket that a policy with these names would join. */
  longestFor(names: ReadonlySet<string>): number {
    return longest(this.#buckets, names);
  }

  add(names: ReadonlySet<string>, prepared: PreparedPolicy): void {
    for (const name of names) put(this.#buckets, name, prepared);
  }

  find(name: string, found: Bucket[]): void {
    const bucket = this.#buckets.get(name);
    if (bucket !== undefined) found.push(bucket);
  }
}

/** Policies by patterns: those without wildcards by their text, the others by what they start with. */
export class PatternBuckets {
  readonly #exact = new Map<string, PreparedPolicy[]>();
  readonly #prefixed = new Map<string, PreparedPolicy[]>();
  /** Lengths of the prefixes, which are few. */
  readonly #lengths = new Set<number>();

  /** Size of the largest bucket that a policy with these patterns would join. */
  longestFor({ exact, prefixes }: PatternList): number {
    let max = longest(this.#exact, exact);
    for (const prefix of prefixes) {
      max = Math.max(max, this.#prefixed.get(keptPrefix(prefix))?.length ?? 0);
    }
    return max;
  }

  add({ exact, prefixes }: PatternList, prepared: PreparedPolicy): void {
    for (const text of exact) put(this.#exact, text, prepared);
    for (const prefix of prefixes) {
      const kept = keptPrefix(prefix);
      this.#lengths.add(kept.length);
      put(this.#prefixed, kept, prepared);
    }
  }

  /** The buckets that hold every policy whose patterns match the text, and others. */
  find(text: string, found: Bucket[]): void {
    const exact = this.#exact.get(text);
    if (exact !== undefined) found.push(exact);
    for (const length of this.#lengths) {
      if (length > text.length) continue;
      const bucket = this.#prefixed.get(text.slice(0, length));
      if (bucket !== undefined) found.push(bucket);
    }
  }
}
