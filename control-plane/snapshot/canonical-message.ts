function isDefault(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === 0 || value === false) {
    return true;
  }
  return (Array.isArray(value) || value instanceof Uint8Array) && value.length === 0;
}

function canonicalValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonicalValue);
  if (value instanceof Uint8Array || typeof value !== 'object' || value === null) return value;
  return canonicalMessage(value);
}

/**
 * A message without the fields that hold their default. The encoder writes every field that is set,
 * also to its default; two encodings of one value would then have two hashes.
 */
export function canonicalMessage<Message extends object>(message: Message): Message {
  const entries = Object.entries(message)
    .filter(([, value]) => !isDefault(value))
    .map(([key, value]) => [key, canonicalValue(value)]);
  return Object.fromEntries(entries) as Message;
}

/** A repeated field that is a set: each value once, in code unit order. */
export function canonicalSet(values: readonly string[]): string[] {
  return [...new Set(values)].sort();
}
