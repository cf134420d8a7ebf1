import type { EntityManager } from '@mikro-orm/postgresql';
import {
  type CryptoKey,
  calculateJwkThumbprint,
  exportJWK,
  exportPKCS8,
  generateKeyPair,
  importJWK,
  importPKCS8,
} from 'jose';
import { commitChange } from '../store/commit-change.ts';
import { SigningKey } from '../store/entities/signing-key.ts';
import { signingKeyContext, unwrapKey, wrapKey } from '../store/envelope.ts';
import type { MasterKeyRing } from '../store/master-key-ring.ts';
import type { Store } from '../store/store.ts';
import type { SigningKeyRing } from './access-token.ts';
import { systemActor } from './actor.ts';

export interface SigningKeyOptions {
  readonly store: Store;
  readonly masterKeys: MasterKeyRing;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
}

const algorithm = 'EdDSA';
/** A `kid` that is not known is looked up at most this often: strangers choose it. */
const reloadIntervalMs = 5000;
/** Advisory lock under which the first key is made: replicas that start together share one. */
const creationLock = 0x6d63_7073;

interface Keys {
  readonly current: { readonly kid: string; readonly privateKey: CryptoKey };
  readonly public: ReadonlyMap<string, CryptoKey>;
}

async function createKey(em: EntityManager, masterKeys: MasterKeyRing): Promise<SigningKey> {
  const pair = await generateKeyPair(algorithm, { crv: 'Ed25519', extractable: true });
  const publicJwk = await exportJWK(pair.publicKey);
  const kid = await calculateJwkThumbprint(publicJwk);
  const { wrappedKey, masterKeyId } = wrapKey(
    masterKeys,
    signingKeyContext({ kid }),
    Buffer.from(await exportPKCS8(pair.privateKey)),
  );
  const row = em.create(SigningKey, {
    kid,
    publicJwk: { ...publicJwk, kid, alg: algorithm, use: 'sig' },
    wrappedPrivateKey: wrappedKey,
    masterKeyId,
    publishedRevision: null,
    activatedAt: new Date(),
    retiredAt: null,
  });
  await commitChange(em, {
    organizationId: null,
    actor: systemActor,
    action: 'signing_key.create',
    target: { type: 'signing_key', id: kid },
    resources: [{ kind: 'signing_key', id: kid }],
  });
  return row;
}

async function asPublicKey(row: SigningKey): Promise<CryptoKey> {
  const key = await importJWK(row.publicJwk, algorithm);
  if (key instanceof Uint8Array) throw new Error(`The signing key ${row.kid} has no public half.`);
  return key;
}

async function readKeys(rows: readonly SigningKey[], masterKeys: MasterKeyRing): Promise<Keys> {
  const publicKeys = new Map<string, CryptoKey>();
  for (const row of rows) publicKeys.set(row.kid, await asPublicKey(row));
  const newest = rows.find((row) => row.retiredAt === null);
  if (newest === undefined) throw new Error('There is no signing key in use.');
  const pkcs8 = Buffer.from(
    unwrapKey(masterKeys, signingKeyContext(newest), {
      wrappedKey: Buffer.from(newest.wrappedPrivateKey),
      masterKeyId: newest.masterKeyId,
    }).reveal(),
  ).toString();
  const privateKey = await importPKCS8(pkcs8, algorithm);
  return { current: { kid: newest.kid, privateKey }, public: publicKeys };
}

/**
 * Opens the keys that sign access tokens; makes the first one when there is none. All replicas of an
 * installation share them, so that a token from one is good at each.
 * @throws when the stored key was wrapped by another master key.
 */
export async function openSigningKeys(options: SigningKeyOptions): Promise<SigningKeyRing> {
  const { store, masterKeys, now } = options;
  const newestFirst = { orderBy: { createdAt: 'desc', kid: 'asc' } } as const;

  const load = (): Promise<Keys> =>
    store.withSystem(async (em) => readKeys(await em.find(SigningKey, {}, newestFirst), masterKeys));

  let keys = await store.withSystem(async (em) => {
    await em.execute('select pg_advisory_xact_lock(?)', [creationLock]);
    const rows = await em.find(SigningKey, {}, newestFirst);
    const isUsable = rows.some((row) => row.retiredAt === null);
    return readKeys(isUsable ? rows : [await createKey(em, masterKeys), ...rows], masterKeys);
  });
  let loadedAtMs = now();
  let reload: Promise<Keys> | undefined;

  async function refreshed(): Promise<Keys> {
    if (now() - loadedAtMs < reloadIntervalMs) return keys;
    reload ??= load().finally(() => {
      reload = undefined;
    });
    keys = await reload;
    loadedAtMs = now();
    return keys;
  }

  return {
    current: async () => keys.current,
    publicKey: async (kid) => keys.public.get(kid) ?? (await refreshed()).public.get(kid),
  };
}
