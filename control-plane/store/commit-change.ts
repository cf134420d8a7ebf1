import type { EntityManager } from '@mikro-orm/postgresql';
import { type AuditEvent, appendAuditEntry } from './append-audit-entry.ts';
import type { ChangedResource } from './changed-resource.ts';
import { channels } from './notify.ts';
import { lockUntilCommit } from './transaction-locks.ts';

/** Something that was done, in the words of the audit trail, and what it touched. */
export interface Change extends AuditEvent {
  /**
   * What nodes, replicas or subscribers have to look at again; at most 1,000. May be empty: the change
   * still gets its revision, so that the feed holds every change in one order.
   */
  readonly resources: readonly ChangedResource[];
}

const resourcesMax = 1000;

/**
 * Ends a transaction that changed something: writes what the entity manager still holds, then the audit
 * entry, the revision and the notification, which all become visible with the commit. It has to be the
 * last call: revisions are gapless and follow commit order because the revision lock, and then the audit
 * chain's, are taken here and held until the commit. A rollback takes the revision back.
 *
 * Every change takes one revision, also when it touches no resource: an empty range costs a node next to
 * nothing, and a revision then names a change everywhere (feed, audit trail, reply to the mutation). What
 * is no change, such as a sign-in, goes through `recordAudit`.
 */
export async function commitChange(
  em: EntityManager,
  change: Change,
): Promise<{ revision: number }> {
  if (change.resources.length > resourcesMax) {
    throw new RangeError(`A change touches at most ${resourcesMax} resources.`);
  }
  await em.flush();
  await lockUntilCommit(em, 'revision');
  const [row] = await em.execute<{ revision: string }[]>(
    'update platform_state set revision = revision + 1 returning revision',
  );
  if (row === undefined) throw new Error('platform_state has no row.');
  const revision = Number(row.revision);
  const audit = await appendAuditEntry(em, change, revision);
  await em.execute(
    `with change as (
       insert into config_changes
         (revision, organization_id, entries, audit_chain_id, audit_sequence, committed_at)
       values (?, ?, ?::jsonb, ?, ?, ?))
     select pg_notify('${channels.config}', ?)`,
    [
      revision,
      change.organizationId,
      JSON.stringify(change.resources),
      audit.chainId,
      audit.sequence,
      audit.at,
      String(revision),
    ],
  );
  return { revision };
}

/**
 * Adds an audit entry without a revision, for what changes nothing (a sign-in, a refused one). At most
 * one in a transaction, as its last call, and never before `commitChange`: it takes the chain's lock.
 */
export async function recordAudit(em: EntityManager, event: AuditEvent): Promise<void> {
  await em.flush();
  await appendAuditEntry(em, event, null);
}
