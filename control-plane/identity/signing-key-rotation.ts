import type { EntityManager } from '@mikro-orm/postgresql';
import { calculateJwkThumbprint, exportJWK, exportPKCS8, generateKeyPair } from 'jose';
import { accessTokenBounds } from '../../common/access-token-bounds.ts';
import { auditedChange } from '../audit/field-changes.ts';
import { done, type Outcome, refused, violation } from '../input/violation.ts';
import type { AuditEvent } from '../store/append-audit-entry.ts';
import { awaitedNodes } from '../store/awaited-nodes.ts';
import { commitChange, recordAudit } from '../store/commit-change.ts';
import { SigningKey } from '../store/entities/signing-key.ts';
import { signingKeyContext, wrapKey } from '../store/envelope.ts';
import {
  idsByPhase,
  type KeyPhase,
  type KeySchedule,
  keyPhase,
  keysMax,
  mayPublish,
  nextKeyStep,
  type RotatedKey,
} from '../store/key-phases.ts';
import type { MasterKeyRing } from '../store/master-key-ring.ts';
import type { Store } from '../store/store.ts';
import { type Actor, systemActor } from './actor.ts';

export const signingAlgorithm = 'EdDSA';

/**
 * How long a key verifies after it signed: no verifier takes a token that lives longer than
 * `lifetimeMsMax`, and a replica that hears late of a rotation may sign on for a moment.
 */
export const signingKeyRetentionMs = accessTokenBounds.lifetimeMsMax + 60 * 60 * 1000;

/** Advisory lock of whoever changes the keys: replicas that start together share a first one. */
const keysLock = 0x6d63_7073;

async function lockKeys(em: EntityManager): Promise<SigningKey[]> {
  await em.execute('select pg_advisory_xact_lock(?)', [keysLock]);
  return em.find(SigningKey, {}, { orderBy: { createdAt: 'asc', kid: 'asc' }, refresh: true });
}

/** What is done to the keys; `rotate`: somebody asked for what was under way already. */
type KeyAction = 'create' | 'publish' | 'activate' | 'drop' | 'rotate';

/** A step of the keys: which of them it is about, and all of them before and after. */
interface KeyChange {
  readonly kids: readonly string[];
  readonly before: readonly RotatedKey[];
  readonly after: readonly RotatedKey[];
}

function keyEvent(actor: Actor, action: KeyAction, { kids, before, after }: KeyChange): AuditEvent {
  const [kid = ''] = kids;
  return {
    organizationId: null,
    actor,
    action: `signing_key.${action}`,
    target: { type: 'signing_key', id: kid },
    ...auditedChange(idsByPhase(before), idsByPhase(after), { keyIds: [...kids] }),
  };
}

async function commitKeys(
  em: EntityManager,
  event: AuditEvent,
  { kids }: KeyChange,
): Promise<{ revision: number }> {
  const resources = kids.map((id) => ({ kind: 'signing_key', id }) as const);
  return commitChange(em, { ...event, resources });
}

interface NewKey {
  readonly actor: Actor;
  readonly masterKeys: MasterKeyRing;
  readonly nowMs: number;
  /** Whether it signs at once, which only a first key may: nobody knows it yet. */
  readonly isFirst: boolean;
  /** The keys that there are. */
  readonly keys: readonly SigningKey[];
}

async function addKey(em: EntityManager, options: NewKey): Promise<SigningKey> {
  const { actor, masterKeys, isFirst } = options;
  const pair = await generateKeyPair(signingAlgorithm, { crv: 'Ed25519', extractable: true });
  const publicJwk = await exportJWK(pair.publicKey);
  const kid = await calculateJwkThumbprint(publicJwk);
  const pkcs8 = Buffer.from(await exportPKCS8(pair.privateKey));
  const { wrappedKey, masterKeyId } = wrapKey(masterKeys, signingKeyContext({ kid }), pkcs8);
  const createdAt = new Date(options.nowMs);
  const activatedAt = isFirst ? createdAt : null;
  const before = options.keys.map(rotated);
  const added = { id: kid, createdAt, activeSince: activatedAt, retiredAt: null };
  const change = { kids: [kid], before, after: [...before, added] };
  const event = keyEvent(actor, isFirst ? 'create' : 'publish', change);
  const { revision } = await commitKeys(em, event, change);
  // After the change, because it names the revision; nobody can wait for a row that is new.
  const row = em.create(SigningKey, {
    kid,
    publicJwk: { ...publicJwk, kid, alg: signingAlgorithm, use: 'sig' },
    wrappedPrivateKey: wrappedKey,
    masterKeyId,
    publishedRevision: isFirst ? null : revision,
    createdAt,
    activatedAt,
    retiredAt: null,
  });
  await em.flush();
  return row;
}

function rotated(key: SigningKey): RotatedKey {
  const { kid: id, createdAt, activatedAt, retiredAt } = key;
  return { id, createdAt, activeSince: activatedAt, retiredAt };
}

/** Makes the first key when none signs. Safe to call from several replicas at once. */
export async function ensureSigningKey(
  store: Store,
  masterKeys: MasterKeyRing,
  nowMs: number,
): Promise<void> {
  await store.withSystem(async (em) => {
    const keys = await lockKeys(em);
    if (keys.some((key) => keyPhase(rotated(key)) === 'active')) return;
    await addKey(em, { actor: systemActor, masterKeys, nowMs, isFirst: true, keys });
  });
}

async function activate(
  em: EntityManager,
  keys: readonly SigningKey[],
  kid: string,
  nowMs: number,
): Promise<boolean> {
  const revision = keys.find((key) => key.kid === kid)?.publishedRevision ?? null;
  const destination = { nodeGroupId: undefined, resourceType: 'Issuer' } as const;
  if (revision !== null && (await awaitedNodes(em, { ...destination, revision })) > 0) return false;
  const now = new Date(nowMs);
  const before = keys.map(rotated);
  await em.nativeUpdate(
    SigningKey,
    { activatedAt: { $ne: null }, retiredAt: null },
    { retiredAt: now },
  );
  await em.nativeUpdate(SigningKey, { kid }, { activatedAt: now });
  const after = before.map((key) => {
    if (key.id === kid) return { ...key, activeSince: now };
    return keyPhase(key) === 'active' ? { ...key, retiredAt: now } : key;
  });
  const change = { kids: [kid], before, after };
  await commitKeys(em, keyEvent(systemActor, 'activate', change), change);
  return true;
}

/** What rotating signing keys works with. */
export interface SigningKeyRotation {
  readonly masterKeys: MasterKeyRing;
  readonly schedule: KeySchedule;
  readonly nowMs: number;
}

/**
 * Takes one step that is due: publishes a new key, lets a published one sign once every node has it, or
 * drops one whose tokens are all past.
 * @returns whether there was such a step; there may be another.
 */
export async function advanceSigningKeys(
  em: EntityManager,
  { masterKeys, schedule, nowMs }: SigningKeyRotation,
): Promise<boolean> {
  const keys = await lockKeys(em);
  const step = nextKeyStep(keys.map(rotated), schedule, nowMs);
  switch (step?.kind) {
    case undefined:
      return false;
    case 'publish':
      await addKey(em, { actor: systemActor, masterKeys, nowMs, isFirst: false, keys });
      return true;
    case 'activate':
      return activate(em, keys, step.id, nowMs);
    case 'drop': {
      await em.nativeDelete(SigningKey, { kid: { $in: [...step.ids] } });
      const before = keys.map(rotated);
      const after = before.filter(({ id }) => !step.ids.includes(id));
      const change = { kids: step.ids, before, after };
      await commitKeys(em, keyEvent(systemActor, 'drop', change), change);
      return true;
    }
  }
}

/** A key as it may be shown. */
export interface SigningKeyView {
  readonly kid: string;
  readonly phase: KeyPhase;
  readonly createdAt: Date;
  readonly activatedAt: Date | null;
  readonly retiredAt: Date | null;
}

function view(key: SigningKey): SigningKeyView {
  const { kid, createdAt, activatedAt, retiredAt } = key;
  return { kid, phase: keyPhase(rotated(key)), createdAt, activatedAt, retiredAt };
}

/** The keys, oldest first. There are few. */
export async function listSigningKeys(store: Store): Promise<SigningKeyView[]> {
  return store.withPlatform(async (em) => {
    const keys = await em.find(SigningKey, {}, { orderBy: { createdAt: 'asc', kid: 'asc' } });
    return keys.map(view);
  });
}

/**
 * Begins to replace the key that signs, as the schedule would later: the new one is published now, and the
 * worker lets it sign once every node has it. A rotation that is under way goes on.
 */
export async function rotateSigningKey(
  { store, masterKeys }: { readonly store: Store; readonly masterKeys: MasterKeyRing },
  actor: Actor,
  nowMs: number,
): Promise<Outcome<SigningKeyView>> {
  return store.withPlatform(async (em) => {
    const keys = await lockKeys(em);
    const underWay = keys.find((key) => keyPhase(rotated(key)) === 'published');
    if (underWay !== undefined) {
      const all = keys.map(rotated);
      const change = { kids: [underWay.kid], before: all, after: all };
      await recordAudit(em, keyEvent(actor, 'rotate', change));
      return done(view(underWay));
    }
    if (!mayPublish(keys.map(rotated))) {
      const text = `There are at most ${keysMax} keys: retired ones go when their tokens are past.`;
      return refused(violation('', 'TOO_MANY', text));
    }
    return done(view(await addKey(em, { actor, masterKeys, nowMs, isFirst: false, keys })));
  });
}
