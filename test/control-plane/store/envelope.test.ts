import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  EnvelopeError,
  openSecret,
  rewrapKey,
  sealSecret,
  unwrapKey,
  upstreamSecretContext,
  wrapKey,
} from '../../../control-plane/store/envelope.ts';
import { MasterKey } from '../../../control-plane/store/master-key.ts';
import { MasterKeyRing } from '../../../control-plane/store/master-key-ring.ts';
import { Secret } from '../../../control-plane/store/secret.ts';

const [first, second, third] = [1, 2, 3].map((byte) => new MasterKey(Buffer.alloc(32, byte))) as [
  MasterKey,
  MasterKey,
  MasterKey,
];
const masterKeys = new MasterKeyRing(first);
const context = upstreamSecretContext({
  organizationId: 'o1',
  serverId: 's1',
  header: 'authorization',
});

describe('a sealed secret', () => {
  test('opens to what was sealed, and holds no trace of it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 4 }), (text) => {
        const value = text.toWellFormed();
        const sealed = sealSecret(masterKeys, context, new Secret(value));
        expect(openSecret(masterKeys, context, sealed).reveal()).toBe(value);
        expect(sealed.ciphertext.includes(value)).toBe(false);
      }),
    );
  });

  test('is sealed under another data key each time', () => {
    const [one, two] = [0, 1].map(() => sealSecret(masterKeys, context, new Secret('same')));
    expect(one?.ciphertext).not.toEqual(two?.ciphertext);
    expect(one?.wrappedKey).not.toEqual(two?.wrappedKey);
  });

  test.each([
    { organizationId: 'o2', serverId: 's1', header: 'authorization' },
    { organizationId: 'o1', serverId: 's2', header: 'authorization' },
    { organizationId: 'o1', serverId: 's1', header: 'x-forwarded-for' },
    { organizationId: 'o1s1', serverId: '', header: 'authorization' },
  ])('opens for no other organization, server or header: %j', (other) => {
    const sealed = sealSecret(masterKeys, context, new Secret('value'));
    expect(() => openSecret(masterKeys, upstreamSecretContext(other), sealed)).toThrow(
      EnvelopeError,
    );
  });

  test('opens with no other master key, and says which one it needs', () => {
    const sealed = sealSecret(masterKeys, context, new Secret('value'));
    const other = new MasterKeyRing(second, [third]);
    for (const id of [first.id, second.id, third.id]) {
      expect(() => openSecret(other, context, sealed)).toThrow(id);
    }
    for (const masterKeyId of [second.id, third.id]) {
      expect(() => openSecret(other, context, { ...sealed, masterKeyId })).toThrow(EnvelopeError);
    }
  });

  test('opens with any key of a ring, whichever is current', () => {
    const sealed = sealSecret(masterKeys, context, new Secret('value'));
    const later = new MasterKeyRing(second, [third, first]);
    expect(openSecret(later, context, sealed).reveal()).toBe('value');
    expect(sealSecret(later, context, new Secret('value')).masterKeyId).toBe(second.id);
  });

  test('does not open when any of its bytes was changed or cut', () => {
    const sealed = sealSecret(masterKeys, context, new Secret('value'));
    for (const part of ['ciphertext', 'wrappedKey'] as const) {
      for (let at = 0; at < sealed[part].length; at += 1) {
        const bytes = Buffer.from(sealed[part]);
        bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
        expect(() => openSecret(masterKeys, context, { ...sealed, [part]: bytes })).toThrow(
          EnvelopeError,
        );
        const cut = sealed[part].subarray(0, at);
        expect(() => openSecret(masterKeys, context, { ...sealed, [part]: cut })).toThrow(
          EnvelopeError,
        );
      }
    }
  });
});

describe('a wrapped key', () => {
  const place = ['seal-key', 'g1', 'k1'];
  const key = Buffer.alloc(32, 9);

  test('opens in its own place only', () => {
    const wrapped = wrapKey(masterKeys, place, key);
    expect(Buffer.from(unwrapKey(masterKeys, place, wrapped).reveal())).toEqual(key);
    expect(() => unwrapKey(masterKeys, ['seal-key', 'g2', 'k1'], wrapped)).toThrow(EnvelopeError);
  });

  test('that names no master key opens with whichever of the ring’s wrapped it', () => {
    const { wrappedKey } = wrapKey(masterKeys, place, key);
    const unnamed = { wrappedKey, masterKeyId: null };
    const ring = new MasterKeyRing(second, [third, first]);
    expect(Buffer.from(unwrapKey(ring, place, unnamed).reveal())).toEqual(key);
    expect(() => unwrapKey(new MasterKeyRing(second, [third]), place, unnamed)).toThrow(
      EnvelopeError,
    );
  });

  test('is wrapped anew by the current master key, and the old one opens it no more', () => {
    const ring = new MasterKeyRing(second, [first]);
    const again = rewrapKey(ring, place, wrapKey(masterKeys, place, key));
    expect(again.masterKeyId).toBe(second.id);
    const unwrapped = unwrapKey(new MasterKeyRing(second), place, again);
    expect(Buffer.from(unwrapped.reveal())).toEqual(key);
    const asBefore = { ...again, masterKeyId: first.id };
    expect(() => unwrapKey(masterKeys, place, asBefore)).toThrow(EnvelopeError);
  });
});
