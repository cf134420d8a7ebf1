import { findPolicies } from '../../policy/find-policies.ts';
import { findServers, type ServerView } from '../../registry/servers.ts';
import type { ChangedResourceKind } from '../../store/changed-resource.ts';
import type { ConfigChange } from '../../store/entities/config-change.ts';
import type { Policy } from '../../store/entities/policy.ts';
import type { Store } from '../../store/store.ts';

/** A committed change to a row. */
interface RowChange {
  /** `deleted`: there is no such row now. */
  readonly kind: 'saved' | 'deleted';
  readonly revision: number;
}

export interface ServerChange extends RowChange {
  readonly serverId: string;
  readonly server: ServerView | null;
}

export interface PolicyChange extends RowChange {
  readonly policyId: string;
  readonly policy: Policy | null;
}

/** Turns committed changes of an organization into events, each with its row as it is now. */
export type RowChangeReader<Event extends object> = (
  store: Store,
  organizationId: string,
  changes: readonly ConfigChange[],
) => Promise<Event[]>;

async function rowChanges<Row extends { readonly id: string }>(
  changes: readonly ConfigChange[],
  kind: ChangedResourceKind,
  find: (ids: readonly string[]) => Promise<Row[]>,
): Promise<(RowChange & { readonly id: string; readonly row: Row | null })[]> {
  const touched = changes.flatMap(({ revision, entries }) =>
    entries.filter((entry) => entry.kind === kind).map(({ id }) => ({ id, revision })),
  );
  const rows = await find([...new Set(touched.map(({ id }) => id))]);
  const byId = new Map(rows.map((row) => [row.id, row]));
  return touched.map(({ id, revision }) => {
    const row = byId.get(id) ?? null;
    return { id, revision, row, kind: row === null ? 'deleted' : 'saved' };
  });
}

export const serverChanges: RowChangeReader<ServerChange> = async (
  store,
  organizationId,
  changes,
) => {
  const found = await rowChanges(changes, 'server', (ids) =>
    findServers(store, organizationId, ids),
  );
  return found.map(({ id, row, kind, revision }) => ({
    ...{ serverId: id, kind, revision },
    server: row,
  }));
};

export const policyChanges: RowChangeReader<PolicyChange> = async (
  store,
  organizationId,
  changes,
) => {
  const found = await rowChanges(changes, 'policy', (ids) =>
    findPolicies(store, organizationId, ids),
  );
  return found.map(({ id, row, kind, revision }) => ({
    ...{ policyId: id, kind, revision },
    policy: row,
  }));
};
