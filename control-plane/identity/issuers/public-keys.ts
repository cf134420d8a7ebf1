import { createPublicKey, type JsonWebKey } from 'node:crypto';
import {
  fitsAlgorithm,
  isSignatureAlgorithm,
  signatureAlgorithms,
} from '../../../common/signature-algorithms.ts';
import { isStorableText } from '../../input/text-rules.ts';

const keyBounds = {
  keysMax: 50,
  /** Nodes take no longer ones. */
  kidLengthMax: 256,
  /** Shorter RSA keys don't count; with longer ones a check would take too long. */
  rsaBitsMin: 2048,
  rsaBitsMax: 8192,
} as const;

/** Members of a public key that are kept, in the order of their names. Private ones are never read. */
const keptMembers = ['alg', 'crv', 'e', 'kid', 'kty', 'n', 'use', 'x', 'y'];

const allAlgorithms = Object.keys(signatureAlgorithms).filter(isSignatureAlgorithm);

export type PublicKey = Readonly<Record<string, string>>;

/** What a key set is, or what is wrong with it as a whole. */
export type ReadKeys =
  | { readonly ok: true; readonly keys: readonly PublicKey[] }
  | { readonly ok: false; readonly problem: string };

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textMembers(jwk: Readonly<Record<string, unknown>>): PublicKey {
  return Object.fromEntries(
    keptMembers.flatMap((name) => {
      const value = Object.hasOwn(jwk, name) ? jwk[name] : undefined;
      return typeof value === 'string' ? [[name, value]] : [];
    }),
  );
}

function isForSignatures(jwk: Readonly<Record<string, unknown>>): boolean {
  const { use, key_ops: operations } = jwk;
  if (use !== undefined && use !== 'sig') return false;
  return operations === undefined || (Array.isArray(operations) && operations.includes('verify'));
}

function isSoundKey(key: PublicKey): boolean {
  try {
    const { asymmetricKeyDetails } = createPublicKey({ key: key as JsonWebKey, format: 'jwk' });
    const bits = asymmetricKeyDetails?.modulusLength;
    return bits === undefined || (bits >= keyBounds.rsaBitsMin && bits <= keyBounds.rsaBitsMax);
  } catch {
    return false;
  }
}

function readKey(jwk: unknown): PublicKey | undefined {
  if (!isRecord(jwk) || !isForSignatures(jwk)) return undefined;
  const { kid = '' } = jwk;
  if (typeof kid !== 'string' || kid.length > keyBounds.kidLengthMax || !isStorableText(kid)) {
    return undefined;
  }
  const key = textMembers(jwk);
  if (!allAlgorithms.some((algorithm) => fitsAlgorithm(key, algorithm))) return undefined;
  return isSoundKey(key) ? key : undefined;
}

/** True when a token could mean either of two keys: which one is tried must not be chance. */
function areAmbiguous(one: PublicKey, other: PublicKey): boolean {
  if (one['kid'] !== other['kid']) return false;
  return allAlgorithms.some((name) => fitsAlgorithm(one, name) && fitsAlgorithm(other, name));
}

/**
 * Reads a JSON Web Key Set: the public keys in it that can check a signature, in a canonical order, each
 * once. Symmetric keys, keys for encryption, weak and broken ones are left out, as RFC 7517 asks.
 */
export function readPublicKeys(text: string): ReadKeys {
  let set: unknown;
  try {
    set = JSON.parse(text);
  } catch {
    return { ok: false, problem: 'the key set is no JSON' };
  }
  if (!isRecord(set) || !Array.isArray(set['keys'])) {
    return { ok: false, problem: 'the key set holds no list of keys' };
  }
  if (set['keys'].length > keyBounds.keysMax) {
    return { ok: false, problem: `the key set holds more than ${keyBounds.keysMax} keys` };
  }
  const texts = set['keys'].flatMap((jwk) => {
    const key = readKey(jwk);
    return key === undefined ? [] : [JSON.stringify(key)];
  });
  const keys = [...new Set(texts)].sort().map((key) => JSON.parse(key) as PublicKey);
  if (keys.some((key, index) => keys.slice(0, index).some((other) => areAmbiguous(key, other)))) {
    return { ok: false, problem: 'the key set holds two keys of one id' };
  }
  return { ok: true, keys };
}

/** Text that is the same for the same keys, in whatever order the database gives them back. */
export function canonicalKeys(keys: readonly Readonly<Record<string, unknown>>[]): string {
  return JSON.stringify(keys.map((key) => JSON.stringify(textMembers(key))).sort());
}
