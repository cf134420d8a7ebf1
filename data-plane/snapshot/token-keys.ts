import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { fitsAlgorithm, type SignatureAlgorithm } from '../../common/signature-algorithms.ts';
import type { TokenKey } from './issuer.ts';
import type { ViolationList } from './violation.ts';

const keysMax = 64;
const keyIdLengthMax = 256;
const rsaBitsMin = 2048;
/** Longer ones cost more to verify with than a stranger's token is worth. */
const rsaBitsMax = 8192;

/** Members of a JSON Web Key that are secret (RFC 7518, section 6). */
const secretMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'];

type Jwk = Readonly<Record<string, unknown>>;

function isRecord(value: unknown): value is Jwk {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Keys that aren't for verifying signatures stand in many sets, and are left alone. */
function verifies(jwk: Jwk): boolean {
  if (jwk['use'] !== undefined && jwk['use'] !== 'sig') return false;
  const operations = jwk['key_ops'];
  return !Array.isArray(operations) || operations.includes('verify');
}

function usableAlgorithms(jwk: Jwk, allowed: readonly SignatureAlgorithm[]): ReadonlySet<string> {
  return new Set(verifies(jwk) ? allowed.filter((name) => fitsAlgorithm(jwk, name)) : []);
}

function importKey(jwk: Jwk): KeyObject | undefined {
  try {
    return createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' });
  } catch {
    return undefined;
  }
}

function hasFairSize(key: KeyObject): boolean {
  const bits = key.asymmetricKeyDetails?.modulusLength;
  return bits === undefined || (bits >= rsaBitsMin && bits <= rsaBitsMax);
}

/** Before an issuer's keys were fetched for the first time there is no set at all. */
function parseSet(text: string): readonly unknown[] | undefined {
  if (text === '') return [];
  try {
    const set: unknown = JSON.parse(text);
    const keys = isRecord(set) ? set['keys'] : undefined;
    return Array.isArray(keys) ? keys : undefined;
  } catch {
    return undefined;
  }
}

/** Two keys that a token could mean at the same time: which one is tried must not be chance. */
function isAmbiguous(keys: readonly TokenKey[], key: TokenKey): boolean {
  return keys.some(
    ({ id, algorithms }) =>
      id === key.id && [...algorithms].some((name) => key.algorithms.has(name)),
  );
}

function readKey(
  violations: ViolationList,
  path: string,
  jwk: unknown,
  allowed: readonly SignatureAlgorithm[],
): TokenKey | undefined {
  if (!violations.expect(isRecord(jwk), path, 'must be an object') || !isRecord(jwk)) return;
  const isPublic = !secretMembers.some((member) => Object.hasOwn(jwk, member));
  if (!violations.expect(isPublic, path, 'must hold nothing secret')) return;
  const algorithms = usableAlgorithms(jwk, allowed);
  if (algorithms.size === 0) return;
  const { kid } = jwk;
  const named = kid === undefined || (typeof kid === 'string' && kid.length <= keyIdLengthMax);
  const short = `must be a text of at most ${keyIdLengthMax} characters`;
  if (!violations.expect(named, `${path}.kid`, short)) return;
  const key = importKey(jwk);
  const usable = key !== undefined && hasFairSize(key);
  const what = `must be a public key; RSA has ${rsaBitsMin} to ${rsaBitsMax} bits`;
  if (!violations.expect(usable, path, what) || key === undefined) return;
  return { id: typeof kid === 'string' ? kid : undefined, algorithms, key };
}

/**
 * The keys of a JSON Web Key Set that verify with one of the allowed algorithms; the others are left out.
 * They are imported here, once for each version of the resource, and not for each call.
 */
export function readTokenKeys(
  violations: ViolationList,
  path: string,
  text: string,
  allowed: readonly SignatureAlgorithm[],
): readonly TokenKey[] {
  const set = parseSet(text);
  const bounded = set !== undefined && set.length <= keysMax;
  const what = `must be a JSON Web Key Set with at most ${keysMax} keys`;
  if (!violations.expect(bounded, path, what) || set === undefined) return [];
  const keys: TokenKey[] = [];
  for (const [index, jwk] of set.entries()) {
    const keyPath = `${path}.keys[${index}]`;
    const key = readKey(violations, keyPath, jwk, allowed);
    if (key === undefined) continue;
    const unique = !isAmbiguous(keys, key);
    if (violations.expect(unique, `${keyPath}.kid`, 'must be unique among keys of its algorithm')) {
      keys.push(key);
    }
  }
  return keys;
}
