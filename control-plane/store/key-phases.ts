/**
 * The life of a key that is replaced while it is in use: published, so that everybody knows it before it
 * is used; active, one at a time; retired, so that what was made with it stays good; dropped.
 */
export interface RotatedKey {
  readonly id: string;
  readonly createdAt: Date;
  /** Null: published. */
  readonly activeSince: Date | null;
  /** Null: published or active. */
  readonly retiredAt: Date | null;
}

export type KeyPhase = 'published' | 'active' | 'retired';

export function keyPhase(key: RotatedKey): KeyPhase {
  if (key.retiredAt !== null) return 'retired';
  return key.activeSince === null ? 'published' : 'active';
}

/** The ids of a purpose's keys by their phases, for the audit trail. */
export function idsByPhase(keys: readonly RotatedKey[]): Readonly<Record<KeyPhase, string[]>> {
  const ids: Record<KeyPhase, string[]> = { published: [], active: [], retired: [] };
  for (const key of keys) ids[keyPhase(key)].push(key.id);
  return ids;
}

export interface KeySchedule {
  /** How long a key is used until the next one is published; 0: until somebody asks for it. */
  readonly rotationIntervalMs: number;
  /** How long a key is published at least before it is used. */
  readonly activationDelayMs: number;
  /** How long a key is kept after it was used. */
  readonly retentionMs: number;
}

/** Keys that are kept at the same time, whatever the schedule says. */
export const keysMax = 12;

/** What is due among the keys of one purpose. */
export type KeyStep =
  | { readonly kind: 'drop'; readonly ids: readonly string[] }
  | { readonly kind: 'activate'; readonly id: string }
  | { readonly kind: 'publish' };

/** Whether one more key may be published: no other is on its way, and there is room. */
export function mayPublish(keys: readonly RotatedKey[]): boolean {
  return keys.length < keysMax && !keys.some((key) => keyPhase(key) === 'published');
}

/** The next step that time allows. Activating also needs that everybody knows the key. */
export function nextKeyStep(
  keys: readonly RotatedKey[],
  schedule: KeySchedule,
  nowMs: number,
): KeyStep | undefined {
  const isPast = (since: Date | null, durationMs: number) =>
    since !== null && since.getTime() + durationMs <= nowMs;
  const old = keys.filter(({ retiredAt }) => isPast(retiredAt, schedule.retentionMs));
  if (old.length > 0) return { kind: 'drop', ids: old.map(({ id }) => id) };
  const published = keys.find((key) => keyPhase(key) === 'published');
  if (published !== undefined) {
    const isDue = isPast(published.createdAt, schedule.activationDelayMs);
    return isDue ? { kind: 'activate', id: published.id } : undefined;
  }
  const { rotationIntervalMs } = schedule;
  if (rotationIntervalMs === 0 || !mayPublish(keys)) return undefined;
  const active = keys.filter((key) => keyPhase(key) === 'active');
  const isWorn = active.every(({ activeSince }) => isPast(activeSince, rotationIntervalMs));
  return active.length > 0 && isWorn ? { kind: 'publish' } : undefined;
}
