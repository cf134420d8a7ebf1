import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  canonicalKeys,
  readPublicKeys,
} from '../../../../control-plane/identity/issuers/public-keys.ts';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const weakRsa = generateKeyPairSync('rsa', { modulusLength: 1024 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ed = generateKeyPairSync('ed25519');
const x25519 = generateKeyPairSync('x25519');

const rsaJwk = { ...rsa.publicKey.export({ format: 'jwk' }), kid: 'rsa' };
const ecJwk = { ...ec.publicKey.export({ format: 'jwk' }), kid: 'ec' };
const edJwk = { ...ed.publicKey.export({ format: 'jwk' }), kid: 'ed' };

function read(...keys: readonly unknown[]) {
  return readPublicKeys(JSON.stringify({ keys }));
}

function kids(...keys: readonly unknown[]): unknown {
  const result = read(...keys);
  return result.ok ? result.keys.map(({ kid }) => kid).sort() : result.problem;
}

describe('a key set', () => {
  test('keys of every kind are read, each once', () => {
    expect(kids(rsaJwk, ecJwk, edJwk, ecJwk)).toEqual(['ec', 'ed', 'rsa']);
  });

  test('its order does not matter', () => {
    expect(read(rsaJwk, ecJwk)).toEqual(read(ecJwk, rsaJwk));
    const { kid, ...rest } = ecJwk;
    expect(canonicalKeys([ecJwk, rsaJwk])).toBe(canonicalKeys([rsaJwk, { kid, ...rest }]));
    expect(canonicalKeys([ecJwk])).not.toBe(canonicalKeys([rsaJwk]));
  });

  test.each([
    ['a symmetric key', { kty: 'oct', k: 'c2VjcmV0', kid: 'oct' }],
    ['a key for encryption', { ...rsaJwk, use: 'enc' }],
    ['a key that only wraps', { ...rsaJwk, key_ops: ['wrapKey'] }],
    ['a weak key', { ...weakRsa.publicKey.export({ format: 'jwk' }), kid: 'weak' }],
    ['a key for another algorithm', { ...rsaJwk, alg: 'RSA-OAEP' }],
    ['a key for a symmetric algorithm', { ...rsaJwk, alg: 'HS256' }],
    ['a key for key agreement', { ...x25519.publicKey.export({ format: 'jwk' }), kid: 'x' }],
    ['a broken key', { ...ecJwk, x: 'AAAA' }],
    ['a key with a strange id', { ...ecJwk, kid: 7 }],
    ['a key whose id can’t be stored', { ...ecJwk, kid: '\u0000' }],
    ['no key', 'key'],
  ])('%s is left out', (_what, jwk) => {
    expect(kids(jwk, edJwk)).toEqual(['ed']);
  });

  test('of a private key only the public half is kept', () => {
    const result = read({ ...ec.privateKey.export({ format: 'jwk' }), kid: 'ec' });
    expect(JSON.stringify(result)).not.toContain('"d"');
    expect(result).toEqual(read(ecJwk));
  });

  test.each([
    ['no JSON', 'keys', 'the key set is no JSON'],
    ['no object', '[]', 'the key set holds no list of keys'],
    ['no list', '{"keys":{}}', 'the key set holds no list of keys'],
  ])('%s is refused', (_what, text, problem) => {
    expect(readPublicKeys(text)).toEqual({ ok: false, problem });
  });

  test('two keys that a token could mean are refused, and so are too many', () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    expect(kids(ecJwk, { ...other.publicKey.export({ format: 'jwk' }), kid: 'ec' })).toBe(
      'the key set holds two keys of one id',
    );
    expect(kids({ ...rsaJwk, kid: 'one' }, { ...ecJwk, kid: 'one' })).toEqual(['one', 'one']);
    expect(kids(...new Array(51).fill(edJwk))).toBe('the key set holds more than 50 keys');
  });

  test('no text makes it throw', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        readPublicKeys(text);
        readPublicKeys(`{"keys":[${text}]}`);
      }),
    );
  });
});
