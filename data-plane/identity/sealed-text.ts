import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from 'node:crypto';
import type { SealKeyEntry, SealKeyRing } from '../snapshot/seal-key-ring.ts';

/** Whom and what a sealed text is for: nobody else opens it, and not for another purpose. */
export interface SealScope {
  readonly purpose: 'session' | 'task' | 'request-state';
  /** Stable subject, not a credential: rotating a key ends no session. */
  readonly subject: string;
  readonly serverId: string;
}

const nonceBytes = 12;
const tagBytes = 16;

/** Longest text that is tried, in characters: several times what an upstream may hand out. */
const sealedLengthMax = 393_216;

/** Keys that the nonces come from, made once for each seal key. */
const nonceKeys = new WeakMap<SealKeyEntry, Buffer>();

function nonceKey(entry: SealKeyEntry): Buffer {
  let key = nonceKeys.get(entry);
  if (key === undefined) {
    key = Buffer.from(hkdfSync('sha256', entry.key, '', 'mcpgw seal nonce', 32));
    nonceKeys.set(entry, key);
  }
  return key;
}

function scopeBytes(scope: SealScope): Buffer {
  return Buffer.from(JSON.stringify([scope.purpose, scope.subject, scope.serverId]), 'utf8');
}

/**
 * Seals a text that a client carries for us (AES-256-GCM under the ring's primary key). The nonce is a
 * keyed hash of the text and its scope: the same task keeps the same id for its caller, and a nonce never
 * repeats for another text.
 */
export function sealText(ring: SealKeyRing, scope: SealScope, text: string): string {
  const { primary } = ring;
  const plain = Buffer.from(text, 'utf8');
  const aad = scopeBytes(scope);
  const nonce = createHmac('sha256', nonceKey(primary))
    .update(aad)
    .update('\n')
    .update(plain)
    .digest()
    .subarray(0, nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', primary.key, nonce);
  cipher.setAAD(aad);
  const sealed = Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  return `${primary.id}.${sealed.toString('base64url')}`;
}

/** The text again, or undefined when it was not sealed in this scope with a key of the ring. */
export function openText(ring: SealKeyRing, scope: SealScope, sealed: string): string | undefined {
  const dot = sealed.indexOf('.');
  if (dot < 1 || sealed.length > sealedLengthMax) return undefined;
  const entry = ring.find(sealed.slice(0, dot));
  const encoded = sealed.slice(dot + 1);
  if (entry === undefined || !/^[A-Za-z0-9_-]+$/.test(encoded)) return undefined;
  const bytes = Buffer.from(encoded, 'base64url');
  if (bytes.length < nonceBytes + tagBytes || bytes.toString('base64url') !== encoded) {
    return undefined;
  }
  const decipher = createDecipheriv('aes-256-gcm', entry.key, bytes.subarray(0, nonceBytes), {
    authTagLength: tagBytes,
  });
  decipher.setAAD(scopeBytes(scope));
  decipher.setAuthTag(bytes.subarray(-tagBytes));
  try {
    const plain = decipher.update(bytes.subarray(nonceBytes, -tagBytes));
    return Buffer.concat([plain, decipher.final()]).toString('utf8');
  } catch {
    return undefined;
  }
}
