import { type CryptoKey, importJWK, importPKCS8, type JWK } from 'jose';
import type { Logger } from '../../common/logging.ts';
import type { ChangeFeed } from '../store/change-feed.ts';
import { signingKeyContext, unwrapKey } from '../store/envelope.ts';
import type { MasterKeyRing } from '../store/master-key-ring.ts';
import type { Store } from '../store/store.ts';
import type { SigningKeyRing } from './access-token.ts';
import { ensureSigningKey, signingAlgorithm } from './signing-key-rotation.ts';

export interface SigningKeyOptions {
  readonly store: Store;
  readonly masterKeys: MasterKeyRing;
  readonly logger: Logger;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
  /** Tells of changes, a rotated key among them; without it only a `kid` that is not known is looked up. */
  readonly feed?: Pick<ChangeFeed, 'on'>;
}

/** The keys that sign access tokens, kept up to date. */
export interface OpenSigningKeys extends SigningKeyRing {
  /** The public halves: of the key that signs, of the one that will, and of those that did. */
  publicJwks(): { readonly keys: readonly JWK[] };
  /** Hears no more of changes. */
  close(): void;
}

/** A `kid` that is not known is looked up at most this often: strangers choose it. */
const reloadIntervalMs = 5000;

interface KeyRow {
  readonly kid: string;
  readonly publicJwk: JWK;
  readonly wrappedKey: Buffer;
  readonly masterKeyId: string | null;
  readonly signs: boolean;
}

/** As text, so that no driver decides what comes. */
type StoredKey = Omit<KeyRow, 'publicJwk' | 'wrappedKey'> &
  Readonly<Record<'publicJwk' | 'wrappedKey', string>>;

const keysStatement = {
  name: 'signing_keys',
  text: `
select kid, public_jwk::text as "publicJwk", encode(wrapped_private_key, 'base64') as "wrappedKey",
  master_key_id as "masterKeyId", activated_at is not null and retired_at is null as signs
from signing_keys order by activated_at desc nulls last, kid`,
};

function decoded(row: StoredKey): KeyRow {
  return {
    ...row,
    publicJwk: JSON.parse(row.publicJwk) as JWK,
    wrappedKey: Buffer.from(row.wrappedKey, 'base64'),
  };
}

interface Keys {
  /** Differs when a key came, went, or changed what it is for. */
  readonly version: string;
  readonly current: { readonly kid: string; readonly privateKey: CryptoKey };
  readonly public: ReadonlyMap<string, CryptoKey>;
  readonly jwks: { readonly keys: readonly JWK[] };
}

async function asPublicKey(row: KeyRow): Promise<CryptoKey> {
  const key = await importJWK(row.publicJwk, signingAlgorithm);
  if (key instanceof Uint8Array) throw new Error(`The signing key ${row.kid} has no public half.`);
  return key;
}

async function opened(
  rows: readonly KeyRow[],
  masterKeys: MasterKeyRing,
): Promise<Omit<Keys, 'version'>> {
  const publicKeys = new Map<string, CryptoKey>();
  for (const row of rows) publicKeys.set(row.kid, await asPublicKey(row));
  const newest = rows.find(({ signs }) => signs);
  if (newest === undefined) throw new Error('There is no signing key in use.');
  const pkcs8 = unwrapKey(masterKeys, signingKeyContext(newest), newest).reveal();
  const privateKey = await importPKCS8(Buffer.from(pkcs8).toString(), signingAlgorithm);
  return {
    current: { kid: newest.kid, privateKey },
    public: publicKeys,
    jwks: { keys: rows.map(({ publicJwk }) => publicJwk) },
  };
}

/**
 * Opens the keys that sign access tokens; makes the first one when there is none. All replicas of an
 * installation share them, so that a token from one is good at each, and each hears of a rotation.
 * @throws when the stored key was wrapped by a master key that is not given.
 */
export async function openSigningKeys(options: SigningKeyOptions): Promise<OpenSigningKeys> {
  const { store, masterKeys, logger, now, feed } = options;
  await ensureSigningKey(store, masterKeys, now());
  let keys: Keys | undefined;
  let loadedAtMs = 0;
  let running: Promise<Keys> | undefined;
  let queued: Promise<Keys> | undefined;

  async function load(): Promise<Keys> {
    const begunAtMs = now();
    const rows = (await store.readSystem<StoredKey>(keysStatement, [])).map(decoded);
    const version = rows.map(({ kid, signs }) => `${kid} ${signs}`).join();
    if (version !== keys?.version) keys = { version, ...(await opened(rows, masterKeys)) };
    loadedAtMs = begunAtMs;
    return keys;
  }
  function start(): Promise<Keys> {
    const begun = load().finally(() => {
      if (running === begun) running = undefined;
    });
    running = begun;
    return begun;
  }
  /** Reads what has been committed until now; calls that come meanwhile share the next read. */
  function reload(): Promise<Keys> {
    if (running === undefined) return start();
    queued ??= running
      .catch(() => undefined)
      .then(() => {
        queued = undefined;
        return start();
      });
    return queued;
  }
  async function refreshed(): Promise<Keys> {
    if (keys !== undefined && now() - loadedAtMs < reloadIntervalMs) return keys;
    return running ?? reload();
  }

  const stopFollowing = feed?.on('config', () => {
    reload().catch((error: unknown) => {
      logger.warn({ err: error }, 'signing keys could not be read; those known stay in use');
    });
  });
  let first: Keys;
  try {
    first = await reload();
  } catch (error) {
    stopFollowing?.();
    throw error;
  }
  const known = () => keys ?? first;
  return {
    current: async () => known().current,
    publicKey: async (kid) => known().public.get(kid) ?? (await refreshed()).public.get(kid),
    publicJwks: () => known().jwks,
    close: () => stopFollowing?.(),
  };
}
