const none: ReadonlySet<string> = new Set();

/**
 * A set of texts; all empty ones are the same object. A policy has a dozen sets, of which most are empty: a
 * Set of its own takes some 200 bytes, and moving them is what the garbage collector stops a node for while
 * it takes in many policies.
 */
export function textSet(texts: readonly string[]): ReadonlySet<string> {
  return texts.length === 0 ? none : new Set(texts);
}
