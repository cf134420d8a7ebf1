/** Revisions with an `initialize` handshake that the gateway relays, oldest first. */
export const legacyVersions = ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'] as const;

/** Revisions with metadata in every request that the gateway relays, oldest first. */
export const modernVersions = ['2026-07-28'] as const;

/** The first revision without a handshake; revisions are dates, so that they compare as text. */
const firstModernVersion = '2026-07-28';

/** The one revision that has batches. */
export const batchVersion = '2025-03-26';

export type Era = 'legacy' | 'modern';

const legacySet: ReadonlySet<string> = new Set(legacyVersions);
const modernSet: ReadonlySet<string> = new Set(modernVersions);

export function isLegacyVersion(version: string): boolean {
  return legacySet.has(version);
}

export function isSupportedModernVersion(version: string): boolean {
  return modernSet.has(version);
}

/** Whether a version names the modern era, also a revision that is newer than this gateway. */
export function namesModernEra(version: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(version) && version >= firstModernVersion;
}
