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
 * Locks a row that is to be changed, until the transaction ends, and refuses when it is not there or somebody
 * has changed it since it was read. `noun` names it for people.
 */
export async function lockVersion<T extends { readonly version: number }>(
  em: EntityManager,
  entity: EntityName<T>,
  { organizationId, id, version }: RowVersion,
  noun: string,
): Promise<Outcome<T>> {
  if (!isUuid(id)) return refused(notFound('id', noun));
  const where = { organizationId, id } as unknown as FilterQuery<T>;
  const row = await em.findOne(entity, where, { lockMode: LockMode.PESSIMISTIC_WRITE });
  if (row === null) return refused(notFound('id', noun));
  return row.version === version ? done(row as T) : refused(versionConflict());
}
