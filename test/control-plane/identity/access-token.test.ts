import { beforeAll, describe, expect, test } from '@jest/globals';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import {
  type AccessTokens,
  createAccessTokens,
  type SigningKeyRing,
} from '../../../control-plane/identity/access-token.ts';

let keys: SigningKeyRing;
let pair: Awaited<ReturnType<typeof generateKeyPair>>;
let nowMs = 1_800_000_000_000;

beforeAll(async () => {
  pair = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  keys = {
    current: async () => ({ kid: 'k1', privateKey: pair.privateKey }),
    publicKey: async (kid) => (kid === 'k1' ? pair.publicKey : undefined),
  };
});

function tokens(audience = 'graphql', issuer = 'https://gateway.example.com'): AccessTokens {
  return createAccessTokens({ keys, issuer, audience, lifetimeMs: 900_000, now: () => nowMs });
}

describe('access tokens', () => {
  test('name their subject and end after their lifetime', async () => {
    const { token, expiresAtMs } = await tokens().issue('user-1');
    expect(expiresAtMs).toBe(nowMs + 900_000);
    expect(await tokens().verify(token)).toEqual({ kind: 'valid', userId: 'user-1', expiresAtMs });
    nowMs += 900_000 + 6000;
    expect(await tokens().verify(token)).toEqual({ kind: 'expired' });
    nowMs -= 900_000 + 6000;
  });

  test('are refused with another audience or issuer', async () => {
    const { token } = await tokens('proxy').issue('user-1');
    expect(await tokens().verify(token)).toEqual({ kind: 'invalid' });
    const other = await tokens('graphql', 'https://other.example.com').issue('user-1');
    expect(await tokens().verify(other.token)).toEqual({ kind: 'invalid' });
  });

  test('are refused when changed, unsigned, of another kind or signed by an unknown key', async () => {
    const { token } = await tokens().issue('user-1');
    const [header, , signature] = token.split('.');
    const payload = Buffer.from(JSON.stringify({ sub: 'user-2' })).toString('base64url');
    const none = Buffer.from(JSON.stringify({ alg: 'none' })).toString('base64url');
    const secret = Buffer.from(JSON.stringify(await exportJWK(pair.publicKey)));
    const claims = (jwt: SignJWT) =>
      jwt
        .setSubject('user-1')
        .setIssuer('https://gateway.example.com')
        .setAudience('graphql')
        .setJti('j')
        .setIssuedAt(nowMs / 1000)
        .setExpirationTime(nowMs / 1000 + 60);
    const typ = 'at+jwt';
    const forged = [
      `${header}.${payload}.${signature}`,
      `${none}.${payload}.`,
      await claims(new SignJWT())
        .setProtectedHeader({ alg: 'EdDSA', kid: 'k1' })
        .sign(pair.privateKey),
      await claims(new SignJWT())
        .setProtectedHeader({ alg: 'EdDSA', kid: 'k2', typ })
        .sign(pair.privateKey),
      await claims(new SignJWT()).setProtectedHeader({ alg: 'HS256', kid: 'k1', typ }).sign(secret),
      'a'.repeat(5000),
      '',
    ];
    for (const text of forged) expect(await tokens().verify(text)).toEqual({ kind: 'invalid' });
  });
});
