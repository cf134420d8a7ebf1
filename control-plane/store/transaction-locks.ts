import { createHash } from 'node:crypto';
import type { EntityManager } from '@mikro-orm/postgresql';

// First half of every advisory lock of a transaction; migrations lock under another one.
const lockSpace = {
  policies: 0x6d637067,
  revision: 0x6d637068,
  auditChain: 0x6d637069,
} as const;

/**
 * Takes an advisory lock that PostgreSQL holds until the transaction ends. An organization's policies are
 * locked before anything else. Last come revision, then audit chain; nobody takes another lock after them, so
 * that they can't be part of a deadlock and are held for a moment only.
 */
export async function lockUntilCommit(
  em: EntityManager,
  space: keyof typeof lockSpace,
  subject = '',
): Promise<void> {
  // Two subjects may share a lock: they then wait for each other without need, no more.
  const object = createHash('sha256').update(subject).digest().readInt32BE(0);
  await em.execute('select pg_advisory_xact_lock(?, ?)', [lockSpace[space], object]);
}
