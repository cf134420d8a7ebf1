import type { RevisionRow } from './config-rows.ts';

/** Which rows some revisions touched, as far as nodes may notice. */
export interface TouchedRows {
  readonly organizationIds: ReadonlySet<string>;
  readonly apiKeyIds: ReadonlySet<string>;
  /** People whose roles or whose account changed: their keys follow. */
  readonly userIds: ReadonlySet<string>;
  readonly serverIds: ReadonlySet<string>;
  /** Groups whose key ring changed. */
  readonly sealKeyGroupIds: ReadonlySet<string>;
  readonly groups: boolean;
  /** Node tokens were revoked, or their group removed: open streams are to be checked. */
  readonly tokens: boolean;
}

/** Collects what a run of revisions touched; what no node gets (signing keys) is passed over. */
export function touchedRows(revisions: readonly RevisionRow[]): TouchedRows {
  const ids = (kinds: readonly string[]) =>
    new Set(
      revisions.flatMap(({ entries }) =>
        entries.filter(({ kind }) => kinds.includes(kind)).map(({ id }) => id),
      ),
    );
  const groupIds = ids(['node_group']);
  return {
    organizationIds: ids(['organization']),
    apiKeyIds: ids(['api_key']),
    userIds: ids(['user', 'membership']),
    serverIds: ids(['server']),
    // A new group has its first key, a removed one none any more.
    sealKeyGroupIds: new Set([...ids(['seal_keys']), ...groupIds]),
    groups: groupIds.size > 0,
    tokens: groupIds.size > 0 || ids(['node_token']).size > 0,
  };
}
