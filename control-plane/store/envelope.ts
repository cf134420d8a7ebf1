import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { MasterKey } from './master-key.ts';
import type { MasterKeyRing } from './master-key-ring.ts';
import { Secret } from './secret.ts';

const formatVersion = 1;
const nonceBytes = 12;
const tagBytes = 16;
const dataKeyBytes = 32;

/** A key as it is stored, wrapped by a master key. */
export interface WrappedKey {
  readonly wrappedKey: Buffer;
  /** Which master key wrapped it. Null: written before rows said so, any of the ring's is tried. */
  readonly masterKeyId: string | null;
}

/** What was wrapped now: it names its master key. */
export interface NewWrappedKey extends WrappedKey {
  readonly masterKeyId: string;
}

/** A sealed secret as it is stored: under a data key, which is wrapped. */
export interface SealedSecret extends NewWrappedKey {
  readonly ciphertext: Buffer;
}

/** A sealed value was changed, belongs elsewhere, or was sealed with another key. Says no more than that. */
export class EnvelopeError extends Error {
  override readonly name = 'EnvelopeError';
}

/** What a value is sealed for, in order; parts can't run into each other. */
export type SealContext = readonly string[];

function associatedData(context: SealContext): Buffer {
  return Buffer.from(JSON.stringify(context), 'utf8');
}

/** AES-256-GCM: version, nonce, ciphertext, tag. */
function encrypt(key: Uint8Array, plaintext: Uint8Array, context: SealContext): Buffer {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(associatedData(context));
  const body = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return Buffer.concat([Buffer.of(formatVersion), nonce, body, cipher.getAuthTag()]);
}

function decrypt(key: Uint8Array, sealed: Uint8Array, context: SealContext): Buffer {
  if (sealed[0] !== formatVersion || sealed.length < 1 + nonceBytes + tagBytes) {
    throw new EnvelopeError('The sealed value has an unknown form.');
  }
  const nonce = sealed.subarray(1, 1 + nonceBytes);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
  decipher.setAAD(associatedData(context));
  decipher.setAuthTag(sealed.subarray(-tagBytes));
  try {
    const body = decipher.update(sealed.subarray(1 + nonceBytes, -tagBytes));
    return Buffer.concat([body, decipher.final()]);
  } catch {
    throw new EnvelopeError('The sealed value can’t be opened.');
  }
}

/**
 * Wraps a key (a seal key, a signing key) under the current master key, for one context: a wrapped key
 * that is moved to another row can't be opened there.
 */
export function wrapKey(
  masterKeys: MasterKeyRing,
  context: SealContext,
  key: Uint8Array,
): NewWrappedKey {
  const { current } = masterKeys;
  const wrappedKey = encrypt(current.derive('wrap').reveal(), key, context);
  return { wrappedKey, masterKeyId: current.id };
}

function masterKeysFor(masterKeys: MasterKeyRing, id: string | null): readonly MasterKey[] {
  if (id === null) return masterKeys.keys();
  const named = masterKeys.find(id);
  if (named !== undefined) return [named];
  const known = masterKeys.keys().map((key) => key.id);
  throw new EnvelopeError(`Sealed with master key ${id}; known here: ${known.join(', ')}.`);
}

/** @throws {EnvelopeError} when its master key is not known here, it was wrapped otherwise, or changed. */
export function unwrapKey(
  masterKeys: MasterKeyRing,
  context: SealContext,
  wrapped: WrappedKey,
): Secret<Uint8Array> {
  let failure: unknown;
  for (const masterKey of masterKeysFor(masterKeys, wrapped.masterKeyId)) {
    try {
      const wrapping = masterKey.derive('wrap').reveal();
      return new Secret<Uint8Array>(decrypt(wrapping, wrapped.wrappedKey, context));
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/**
 * The same key, wrapped by the current master key.
 * @throws {EnvelopeError} as `unwrapKey`.
 */
export function rewrapKey(
  masterKeys: MasterKeyRing,
  context: SealContext,
  wrapped: WrappedKey,
): NewWrappedKey {
  return wrapKey(masterKeys, context, unwrapKey(masterKeys, context, wrapped).reveal());
}

/**
 * Envelope encryption: the value under a data key of its own, the data key under the current master key,
 * both bound to the context. A new master key then means wrapping data keys again, not every value.
 */
export function sealSecret(
  masterKeys: MasterKeyRing,
  context: SealContext,
  value: Secret<string>,
): SealedSecret {
  const dataKey = randomBytes(dataKeyBytes);
  return {
    ciphertext: encrypt(dataKey, Buffer.from(value.reveal(), 'utf8'), context),
    ...wrapKey(masterKeys, context, dataKey),
  };
}

/** @throws {EnvelopeError} when it was sealed for another context or with an unknown key, or changed. */
export function openSecret(
  masterKeys: MasterKeyRing,
  context: SealContext,
  sealed: SealedSecret,
): Secret<string> {
  const dataKey = unwrapKey(masterKeys, context, sealed);
  return new Secret(decrypt(dataKey.reveal(), sealed.ciphertext, context).toString('utf8'));
}

/** Context of an MCP server's credential: it opens for no other organization, server or header. */
export function upstreamSecretContext(of: {
  readonly organizationId: string;
  readonly serverId: string;
  readonly header: string;
}): SealContext {
  return ['upstream-secret', of.organizationId, of.serverId, of.header];
}

/** Context of the secret that the gateway is a client of an organization's issuer with. */
export function issuerSecretContext(of: {
  readonly organizationId: string;
  readonly issuerId: string;
}): SealContext {
  return ['issuer-client-secret', of.organizationId, of.issuerId];
}

/** Context of what a log-in at an issuer keeps until it comes back. */
export function oidcLoginContext(of: {
  readonly organizationId: string;
  readonly issuerId: string;
  readonly stateHash: Uint8Array;
}): SealContext {
  return ['oidc-login', of.organizationId, of.issuerId, Buffer.from(of.stateHash).toString('hex')];
}

/** Context of a key in a node group's ring. */
export function sealKeyContext(of: {
  readonly nodeGroupId: string;
  readonly id: string;
}): SealContext {
  return ['seal-key', of.nodeGroupId, of.id];
}

/** Context of a private key that signs access tokens. */
export function signingKeyContext(of: { readonly kid: string }): SealContext {
  return ['signing-key', of.kid];
}
