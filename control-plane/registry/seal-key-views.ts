import type { EntityManager } from '@mikro-orm/postgresql';
import { awaitedNodes } from '../store/awaited-nodes.ts';
import { SealKey } from '../store/entities/seal-key.ts';
import { type KeyPhase, keyPhase } from '../store/key-phases.ts';
import { rotatedSealKey } from './seal-keys.ts';

/** A key of a group's ring as it may be shown: everything but the key. */
export interface SealKeyView {
  readonly id: string;
  readonly phase: KeyPhase;
  readonly createdAt: Date;
  readonly primarySince: Date | null;
  readonly retiredAt: Date | null;
  /** Connected nodes that don't have a published key yet; null in other phases. */
  readonly awaitedNodes: number | null;
}

async function view(em: EntityManager, key: SealKey): Promise<SealKeyView> {
  const { id, createdAt, activeSince, retiredAt } = rotatedSealKey(key);
  const phase = keyPhase(rotatedSealKey(key));
  const { nodeGroupId, publishedRevision: revision } = key;
  const destination = { nodeGroupId, resourceType: 'SealKeyRing' } as const;
  const awaited =
    phase === 'published' && revision !== null
      ? await awaitedNodes(em, { ...destination, revision })
      : null;
  return { id, phase, createdAt, primarySince: activeSince, retiredAt, awaitedNodes: awaited };
}

/** The rings of some groups, oldest key first. */
export async function sealKeyViews(
  em: EntityManager,
  nodeGroupIds: readonly string[],
): Promise<Map<string, SealKeyView[]>> {
  const keys = await em.find(
    SealKey,
    { nodeGroupId: { $in: [...nodeGroupIds] } },
    { orderBy: { createdAt: 'asc', id: 'asc' } },
  );
  const rings = new Map<string, SealKeyView[]>();
  for (const key of keys) {
    rings.set(key.nodeGroupId, [...(rings.get(key.nodeGroupId) ?? []), await view(em, key)]);
  }
  return rings;
}
