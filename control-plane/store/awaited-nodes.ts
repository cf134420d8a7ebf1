import type { EntityManager } from '@mikro-orm/postgresql';

/** Where a new key has to arrive before it may be used. */
export interface KeyDestination {
  /** Undefined: the nodes of every group. */
  readonly nodeGroupId: string | undefined;
  /** Type of the resource that carries the key. */
  readonly resourceType: 'SealKeyRing' | 'Issuer';
  /** Revision that published it. */
  readonly revision: number;
}

/** As many rejected resources as a node's row keeps; with so many, some may be missing from it. */
const shownRejectionsMax = 50;

/**
 * Connected nodes that don't hold a revision's keys yet. A node that can't use something else of that
 * revision never applies it in full, and still holds the keys: what counts then is what it received, and
 * that it did not reject the keys.
 */
export async function awaitedNodes(
  em: EntityManager,
  { nodeGroupId, resourceType, revision }: KeyDestination,
): Promise<number> {
  const [row] = await em.execute<{ count: number }[]>(
    `select count(*)::integer as count from nodes n
     where n.connected and (?::uuid is null or n.node_group_id = ?::uuid)
       and n.applied_revision < ?
       and not (n.received_revision >= ? and (n.last_nack is null
         or (n.last_nack ->> 'revision')::bigint < ?
         or (jsonb_array_length(n.last_nack -> 'rejected') < ${shownRejectionsMax}
           and not exists (select from jsonb_array_elements(n.last_nack -> 'rejected') r
             where r ->> 'type' = ?))))`,
    [nodeGroupId ?? null, nodeGroupId ?? null, revision, revision, revision, resourceType],
  );
  return row?.count ?? 0;
}
