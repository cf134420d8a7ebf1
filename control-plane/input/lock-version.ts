import { type EntityName, type FilterQuery, LockMode } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { isUuid } from './text-rules.ts';
import { done, notFound, type Outcome, refused, versionConflict } from './violation.ts';

/** A row of an organization as somebody read it. */
interface RowVersion {
  readonly organizationId: string;
  readonly id: string;
  readonly version: number;
}

/**
 * How a row is locked: against everything, or so that rows may still come to refer to it. A change that goes
 * on to lock rows which refer to it takes the latter, or it would wait in a circle with a change to one of them.
 */
export type LockStrength = 'update' | 'no key update';

/**
 * Locks a row that is to be changed, until the transaction ends, and refuses when it is not there or somebody
 * has changed it since it was read. `noun` names it for people.
 */
export async function lockVersion<T extends { readonly version: number }>(
  em: EntityManager,
  entity: EntityName<T>,
  { organizationId, id, version }: RowVersion,
  noun: string,
  strength: LockStrength = 'update',
): Promise<Outcome<T>> {
  if (!isUuid(id)) return refused(notFound('id', noun));
  const where = { organizationId, id } as unknown as FilterQuery<T>;
  if (strength === 'no key update') {
    // The mapper does not know this lock. What it reads afterwards is the row as it is locked.
    const { tableName } = em.getMetadata(entity);
    await em.execute(
      `select from ${tableName} where organization_id = ? and id = ? for no key update`,
      [organizationId, id],
    );
  }
  const lockMode = strength === 'update' ? LockMode.PESSIMISTIC_WRITE : LockMode.NONE;
  const row = await em.findOne(entity, where, { lockMode, refresh: true });
  if (row === null) return refused(notFound('id', noun));
  return row.version === version ? done(row as T) : refused(versionConflict());
}
