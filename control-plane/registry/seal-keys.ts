import { randomBytes } from 'node:crypto';
import type { EntityManager } from '@mikro-orm/postgresql';
import { auditedChange } from '../audit/field-changes.ts';
import { isUuid } from '../input/text-rules.ts';
import { done, notFound, type Outcome, refused, violation } from '../input/violation.ts';
import type { AuditEvent } from '../store/append-audit-entry.ts';
import { awaitedNodes } from '../store/awaited-nodes.ts';
import { commitChange, recordAudit } from '../store/commit-change.ts';
import { SealKey } from '../store/entities/seal-key.ts';
import { sealKeyContext, wrapKey } from '../store/envelope.ts';
import {
  idsByPhase,
  type KeySchedule,
  keyPhase,
  keysMax,
  mayPublish,
  nextKeyStep,
  type RotatedKey,
} from '../store/key-phases.ts';
import type { MasterKeyRing } from '../store/master-key-ring.ts';
import type { Store } from '../store/store.ts';

const sealKeyBytes = 32;
const platform: AuditEvent['actor'] = { kind: 'system', id: 'platform' };

interface Group {
  readonly id: string;
  readonly name: string;
}

/** The row's lock lets two replicas, or a worker and an operator, see what the other did. */
async function lockGroup(em: EntityManager, id: string): Promise<Group | undefined> {
  const [group] = await em.execute<Group[]>(
    'select id, name from node_groups where id = ? for no key update',
    [id],
  );
  return group;
}

function newSealKey(masterKeys: MasterKeyRing, nodeGroupId: string) {
  const id = randomBytes(4).toString('hex');
  const wrapped = wrapKey(
    masterKeys,
    sealKeyContext({ nodeGroupId, id }),
    randomBytes(sealKeyBytes),
  );
  return { nodeGroupId, id, ...wrapped };
}

/** What is done to a ring; `rotate`: somebody asked for what was under way already. */
type RingAction = 'create' | 'publish' | 'activate' | 'drop' | 'rotate';

/** A step of a ring: which keys it is about, and all of the ring's before and after. */
interface RingChange {
  readonly keyIds: readonly string[];
  readonly before: readonly RotatedKey[];
  readonly after: readonly RotatedKey[];
}

function ringEvent(
  actor: AuditEvent['actor'],
  group: Group,
  action: RingAction,
  { keyIds, before, after }: RingChange,
): AuditEvent {
  return {
    organizationId: null,
    actor,
    action: `seal_key.${action}`,
    target: { type: 'node_group', id: group.id, label: group.name },
    ...auditedChange(idsByPhase(before), idsByPhase(after), { keyIds: [...keyIds] }),
  };
}

async function commitRing(
  em: EntityManager,
  group: Group,
  event: AuditEvent,
): Promise<{ revision: number }> {
  return commitChange(em, { ...event, resources: [{ kind: 'seal_keys', id: group.id }] });
}

/** Adds a first, primary key to a group's ring. The caller commits the change. */
export function addFirstSealKey(
  em: EntityManager,
  masterKeys: MasterKeyRing,
  nodeGroupId: string,
): SealKey {
  const key = newSealKey(masterKeys, nodeGroupId);
  return em.create(SealKey, {
    ...key,
    isPrimary: true,
    publishedRevision: null,
    createdAt: new Date(),
    primarySince: new Date(),
    retiredAt: null,
  });
}

async function giveFirstSealKey(
  em: EntityManager,
  masterKeys: MasterKeyRing,
  nodeGroupId: string,
): Promise<void> {
  const group = await lockGroup(em, nodeGroupId);
  const keys = await em.find(SealKey, { nodeGroupId }, { refresh: true });
  if (group === undefined || keys.some(({ isPrimary }) => isPrimary)) return;
  const before = keys.map(rotatedSealKey);
  const first = rotatedSealKey(addFirstSealKey(em, masterKeys, nodeGroupId));
  const change = { keyIds: [first.id], before, after: [...before, first] };
  await commitRing(em, group, ringEvent(platform, group, 'create', change));
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

/** A ring's key as rotation sees it. */
export function rotatedSealKey(key: SealKey): RotatedKey {
  const { id, createdAt, primarySince, retiredAt, isPrimary } = key;
  if (isPrimary) return { id, createdAt, activeSince: primarySince ?? createdAt, retiredAt: null };
  // One that was a primary when nobody wrote down since when another is.
  const ended = retiredAt ?? (primarySince === null ? null : createdAt);
  return { id, createdAt, activeSince: primarySince, retiredAt: ended };
}

/** Tells the nodes of a group a key that they don't seal with yet. */
async function publish(
  em: EntityManager,
  actor: AuditEvent['actor'],
  group: Group,
  keys: readonly SealKey[],
  { masterKeys, nowMs }: { readonly masterKeys: MasterKeyRing; readonly nowMs: number },
): Promise<void> {
  const key = newSealKey(masterKeys, group.id);
  const createdAt = new Date(nowMs);
  const before = keys.map(rotatedSealKey);
  const added = { id: key.id, createdAt, activeSince: null, retiredAt: null };
  const change = { keyIds: [key.id], before, after: [...before, added] };
  const { revision } = await commitRing(em, group, ringEvent(actor, group, 'publish', change));
  // After the change, because it names the revision; nobody can wait for a row that is new.
  em.create(SealKey, {
    ...key,
    isPrimary: false,
    publishedRevision: revision,
    createdAt,
    primarySince: null,
    retiredAt: null,
  });
  await em.flush();
}

async function activate(
  em: EntityManager,
  group: Group,
  keys: readonly SealKey[],
  options: { readonly id: string; readonly nowMs: number },
): Promise<boolean> {
  const next = keys.find(({ id }) => id === options.id);
  if (next === undefined) return false;
  const { publishedRevision: revision } = next;
  const destination = { nodeGroupId: group.id, resourceType: 'SealKeyRing' } as const;
  if (revision !== null && (await awaitedNodes(em, { ...destination, revision })) > 0) return false;
  const now = new Date(options.nowMs);
  const before = keys.map(rotatedSealKey);
  // One statement each, in this order: at no time are there two primaries.
  await em.nativeUpdate(
    SealKey,
    { nodeGroupId: group.id, isPrimary: true },
    { isPrimary: false, retiredAt: now },
  );
  const place = { nodeGroupId: group.id, id: next.id };
  await em.nativeUpdate(SealKey, place, { isPrimary: true, primarySince: now });
  const after = before.map((key) => {
    if (key.id === next.id) return { ...key, activeSince: now };
    return keyPhase(key) === 'active' ? { ...key, retiredAt: now } : key;
  });
  const change = { keyIds: [next.id], before, after };
  await commitRing(em, group, ringEvent(platform, group, 'activate', change));
  return true;
}

/** What rotating seal keys works with. */
export interface SealKeyRotation {
  readonly masterKeys: MasterKeyRing;
  readonly schedule: KeySchedule;
  readonly nowMs: number;
}

async function advanceGroup(
  em: EntityManager,
  nodeGroupId: string,
  { masterKeys, schedule, nowMs }: SealKeyRotation,
): Promise<boolean> {
  const group = await lockGroup(em, nodeGroupId);
  if (group === undefined) return false;
  const keys = await em.find(SealKey, { nodeGroupId }, { refresh: true });
  const step = nextKeyStep(keys.map(rotatedSealKey), schedule, nowMs);
  switch (step?.kind) {
    case undefined:
      return false;
    case 'publish':
      await publish(em, platform, group, keys, { masterKeys, nowMs });
      return true;
    case 'activate':
      return activate(em, group, keys, { id: step.id, nowMs });
    case 'drop': {
      await em.nativeDelete(SealKey, { nodeGroupId, id: { $in: [...step.ids] } });
      const before = keys.map(rotatedSealKey);
      const after = before.filter(({ id }) => !step.ids.includes(id));
      const change = { keyIds: step.ids, before, after };
      await commitRing(em, group, ringEvent(platform, group, 'drop', change));
      return true;
    }
  }
}

/**
 * Takes one step that is due in one group's ring: publishes a new key, makes a published one primary once
 * the group's nodes have it, or drops one that is past its retention.
 * @returns whether there was such a step; there may be another.
 */
export async function advanceSealKeys(
  em: EntityManager,
  rotation: SealKeyRotation,
): Promise<boolean> {
  const keys = await em.find(SealKey, {}, { orderBy: { nodeGroupId: 'asc', id: 'asc' } });
  for (const [nodeGroupId, ring] of Map.groupBy(keys, (key) => key.nodeGroupId)) {
    const step = nextKeyStep(ring.map(rotatedSealKey), rotation.schedule, rotation.nowMs);
    if (step !== undefined && (await advanceGroup(em, nodeGroupId, rotation))) return true;
  }
  return false;
}

/**
 * Begins to replace a group's primary key, as the schedule would later: the worker makes the new key
 * primary once the nodes have it. A rotation that is under way goes on.
 */
export async function rotateSealKeys(
  { store, masterKeys }: { readonly store: Store; readonly masterKeys: MasterKeyRing },
  actor: AuditEvent['actor'],
  input: { readonly nodeGroupId: string },
  nowMs: number,
): Promise<Outcome<{ readonly nodeGroupId: string }>> {
  const { nodeGroupId } = input;
  if (!isUuid(nodeGroupId)) return refused(notFound('nodeGroupId', 'node group'));
  return store.withPlatform(async (em) => {
    const group = await lockGroup(em, nodeGroupId);
    if (group === undefined) return refused(notFound('nodeGroupId', 'node group'));
    const keys = await em.find(SealKey, { nodeGroupId });
    const ring = keys.map(rotatedSealKey);
    const { published } = idsByPhase(ring);
    if (published.length > 0) {
      const change = { keyIds: published, before: ring, after: ring };
      await recordAudit(em, ringEvent(actor, group, 'rotate', change));
      return done({ nodeGroupId });
    }
    if (!mayPublish(ring)) {
      const text = `A ring has at most ${keysMax} keys: retired ones go when their retention is over.`;
      return refused(violation('nodeGroupId', 'TOO_MANY', text));
    }
    await publish(em, actor, group, keys, { masterKeys, nowMs });
    return done({ nodeGroupId });
  });
}
