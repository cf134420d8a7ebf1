import { randomBytes } from 'node:crypto';
import type { EntityManager } from '@mikro-orm/postgresql';
import { commitChange } from '../store/commit-change.ts';
import { SealKey } from '../store/entities/seal-key.ts';
import { sealKeyContext, wrapKey } from '../store/envelope.ts';
import type { MasterKeyRing } from '../store/master-key-ring.ts';
import type { Store } from '../store/store.ts';

const sealKeyBytes = 32;

/** Adds a first, primary key to a group's ring. The caller commits the change. */
export function addFirstSealKey(
  em: EntityManager,
  masterKeys: MasterKeyRing,
  nodeGroupId: string,
): void {
  const id = randomBytes(4).toString('hex');
  const key = randomBytes(sealKeyBytes);
  em.create(SealKey, {
    nodeGroupId,
    id,
    ...wrapKey(masterKeys, sealKeyContext({ nodeGroupId, id }), key),
    isPrimary: true,
    publishedRevision: null,
    primarySince: new Date(),
    retiredAt: null,
  });
}

async function giveFirstSealKey(
  em: EntityManager,
  masterKeys: MasterKeyRing,
  nodeGroupId: string,
): Promise<void> {
  // The row's lock lets the second of two replicas see the first one's key.
  const [group] = await em.execute<{ name: string }[]>(
    'select name from node_groups where id = ? for update',
    [nodeGroupId],
  );
  const isGiven = (await em.count(SealKey, { nodeGroupId, isPrimary: true })) > 0;
  if (group === undefined || isGiven) return;
  addFirstSealKey(em, masterKeys, nodeGroupId);
  await commitChange(em, {
    organizationId: null,
    actor: { kind: 'system', id: 'platform' },
    action: 'seal_key.create',
    target: { type: 'node_group', id: nodeGroupId, label: group.name },
    resources: [{ kind: 'seal_keys', id: nodeGroupId }],
  });
}

/**
 * Gives a first seal key to every group without one, such as the default group that the migrations make:
 * a node serves nothing without a key to seal sessions with. Safe to call from several replicas at once.
 */
export async function ensureSealKeys(store: Store, masterKeys: MasterKeyRing): Promise<void> {
  const groups = await store.withPlatform((em) =>
    em.execute<{ id: string }[]>(
      `select id from node_groups g
       where not exists (select from seal_keys k where k.node_group_id = g.id and k.is_primary)`,
    ),
  );
  for (const { id } of groups) {
    await store.withPlatform((em) => giveFirstSealKey(em, masterKeys, id));
  }
}
