import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  EnvelopeError,
  openSecret,
  sealSecret,
  unwrapKey,
  upstreamSecretContext,
  wrapKey,
} from '../../../control-plane/store/envelope.ts';
import { MasterKey } from '../../../control-plane/store/master-key.ts';
import { Secret } from '../../../control-plane/store/secret.ts';

const masterKey = new MasterKey(Buffer.alloc(32, 1));
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
        const sealed = sealSecret(masterKey, context, new Secret(value));
        expect(openSecret(masterKey, context, sealed).reveal()).toBe(value);
        expect(sealed.ciphertext.includes(value)).toBe(false);
      }),
    );
  });

  test('is sealed under another data key each time', () => {
    const [one, two] = [0, 1].map(() => sealSecret(masterKey, context, new Secret('same')));
    expect(one?.ciphertext).not.toEqual(two?.ciphertext);
    expect(one?.wrappedKey).not.toEqual(two?.wrappedKey);
  });

  test.each([
    { organizationId: 'o2', serverId: 's1', header: 'authorization' },
    { organizationId: 'o1', serverId: 's2', header: 'authorization' },
    { organizationId: 'o1', serverId: 's1', header: 'x-forwarded-for' },
    { organizationId: 'o1s1', serverId: '', header: 'authorization' },
  ])('opens for no other organization, server or header: %j', (other) => {
    const sealed = sealSecret(masterKey, context, new Secret('value'));
    expect(() => openSecret(masterKey, upstreamSecretContext(other), sealed)).toThrow(
      EnvelopeError,
    );
  });

  test('opens with no other master key, and says which one it needs', () => {
    const sealed = sealSecret(masterKey, context, new Secret('value'));
    const other = new MasterKey(Buffer.alloc(32, 2));
    expect(() => openSecret(other, context, sealed)).toThrow(masterKey.id);
    expect(() => openSecret(other, context, { ...sealed, masterKeyId: other.id })).toThrow(
      EnvelopeError,
    );
  });

  test('does not open when any of its bytes was changed or cut', () => {
    const sealed = sealSecret(masterKey, context, new Secret('value'));
    for (const part of ['ciphertext', 'wrappedKey'] as const) {
      for (let at = 0; at < sealed[part].length; at += 1) {
        const bytes = Buffer.from(sealed[part]);
        bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
        expect(() => openSecret(masterKey, context, { ...sealed, [part]: bytes })).toThrow(
          EnvelopeError,
        );
        const cut = sealed[part].subarray(0, at);
        expect(() => openSecret(masterKey, context, { ...sealed, [part]: cut })).toThrow(
          EnvelopeError,
        );
      }
    }
  });
});

test('a wrapped key opens in its own place only', () => {
  const wrapped = wrapKey(masterKey, ['seal-key', 'g1', 'k1'], Buffer.alloc(32, 9));
  const opened = unwrapKey(masterKey, ['seal-key', 'g1', 'k1'], wrapped);
  expect(Buffer.from(opened.reveal())).toEqual(Buffer.alloc(32, 9));
  expect(() => unwrapKey(masterKey, ['seal-key', 'g2', 'k1'], wrapped)).toThrow(EnvelopeError);
});
