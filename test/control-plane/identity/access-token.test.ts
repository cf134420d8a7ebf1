import { beforeAll, describe, expect, test } from '@jest/globals';
import { exportJWK, exportSPKI, generateKeyPair, type JWTHeaderParameters, SignJWT } from 'jose';
import {
  type AccessTokens,
  createAccessTokens,
  type SigningKeyRing,
} from '../../../control-plane/identity/access-token.ts';

let keys: SigningKeyRing;
let pair: Awaited<ReturnType<typeof generateKeyPair>>;
const nowMs = 1_800_000_000_000;
let offsetMs = 0;

const issuer = 'https://gateway.example.com';
const holder = { userId: 'user-1', sessionId: 'session-1', notAfterMs: nowMs + 3_600_000 };
const header: JWTHeaderParameters = { alg: 'EdDSA', kid: 'k1', typ: 'at+jwt' };

beforeAll(async () => {
  pair = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  keys = {
    current: async () => ({ kid: 'k1', privateKey: pair.privateKey }),
    publicKey: async (kid) => (kid === 'k1' ? pair.publicKey : undefined),
  };
});

function tokens(audience = 'graphql', from = issuer): AccessTokens {
  const now = () => nowMs + offsetMs;
  return createAccessTokens({ keys, issuer: from, audience, lifetimeMs: 900_000, now });
}

/** A token that would be good, but for what is changed. */
function forge(claims: Record<string, unknown> = {}, changed: Partial<JWTHeaderParameters> = {}) {
  const seconds = nowMs / 1000;
  const all = { sub: 'user-1', sid: 'session-1', iss: issuer, aud: 'graphql', jti: 'j' };
  const jwt = new SignJWT({ ...all, iat: seconds, exp: seconds + 60, ...claims });
  return jwt.setProtectedHeader({ ...header, ...changed });
}

const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

function invalid(reason: string) {
  return { kind: 'invalid', reason };
}

describe('access tokens', () => {
  test('name their subject and session and end after their lifetime', async () => {
    const { token, expiresAtMs } = await tokens().issue(holder);
    expect(expiresAtMs).toBe(nowMs + 900_000);
    expect(await tokens().verify(token)).toEqual({
      kind: 'valid',
      userId: 'user-1',
      sessionId: 'session-1',
      organizationId: null,
      expiresAtMs,
    });
    offsetMs = 900_000 + 6000;
    expect(await tokens().verify(token)).toEqual({ kind: 'expired' });
    offsetMs = 0;
  });

  test('of a session that is good in one organization say which', async () => {
    const { token } = await tokens().issue({ ...holder, organizationId: 'organization-1' });
    expect(await tokens().verify(token)).toMatchObject({ organizationId: 'organization-1' });
  });

  test('end with their session at the latest', async () => {
    const { expiresAtMs } = await tokens().issue({ ...holder, notAfterMs: nowMs + 60_700 });
    expect(expiresAtMs).toBe(nowMs + 60_000);
  });

  test('a token that lacks nothing is good', async () => {
    expect(await tokens().verify(await forge().sign(pair.privateKey))).toMatchObject({
      kind: 'valid',
    });
  });

  test.each([
    ['audience_wrong', { aud: 'https://gateway.example.com/demo/files/mcp' }],
    ['audience_wrong', { aud: undefined }],
    ['issuer_wrong', { iss: 'https://other.example.com' }],
    ['issuer_wrong', { iss: undefined }],
    ['not_yet_valid', { nbf: nowMs / 1000 + 60 }],
    ['not_yet_valid', { iat: nowMs / 1000 + 60 }],
    ['claims_wrong', { sid: undefined }],
    ['claims_wrong', { sid: 7 }],
    ['claims_wrong', { sub: undefined }],
    ['claims_wrong', { org: ['a'] }],
    ['claims_wrong', { exp: undefined }],
    ['claims_wrong', { jti: undefined }],
  ])('%s: refused with claims %j', async (reason, claims) => {
    const token = await forge(claims).sign(pair.privateKey);
    expect(await tokens().verify(token)).toEqual(invalid(reason));
  });

  test.each([
    ['key_unknown', { kid: 'k2' }],
    ['key_unknown', { kid: undefined }],
    ['type_wrong', { typ: 'JWT' }],
    ['type_wrong', { typ: undefined }],
  ])('%s: refused with header %j', async (reason, changed) => {
    const token = await forge({}, changed as Partial<JWTHeaderParameters>).sign(pair.privateKey);
    expect(await tokens().verify(token)).toEqual(invalid(reason));
  });

  test('are refused when the algorithm is another one, whatever it signs with', async () => {
    const publicJwk = Buffer.from(JSON.stringify(await exportJWK(pair.publicKey)));
    const publicPem = Buffer.from(await exportSPKI(pair.publicKey));
    const hs256 = { alg: 'HS256' };
    const [, payload] = (await forge().sign(pair.privateKey)).split('.');
    const forged = [
      await forge({}, hs256).sign(publicJwk),
      await forge({}, hs256).sign(publicPem),
      `${base64({ ...header, alg: 'none' })}.${payload}.`,
      `${base64({ ...header, alg: 'NONE' })}.${payload}.AA`,
    ];
    for (const text of forged) {
      expect(await tokens().verify(text)).toEqual(invalid('algorithm_not_allowed'));
    }
  });

  test('are refused when changed or signed by another key', async () => {
    const [head, payload, signature] = (await forge().sign(pair.privateKey)).split('.');
    const other = await generateKeyPair('EdDSA', { crv: 'Ed25519' });
    const forged = [
      `${head}.${base64({ sub: 'user-2', sid: 'session-1' })}.${signature}`,
      `${base64({ ...header, extra: 1 })}.${payload}.${signature}`,
      await forge().sign(other.privateKey),
    ];
    for (const text of forged) {
      expect(await tokens().verify(text)).toEqual(invalid('signature_wrong'));
    }
  });

  test('are refused when they are none', async () => {
    for (const text of ['a'.repeat(5000), '', 'a.b', 'a.b.c', '..']) {
      expect(await tokens().verify(text)).toEqual(invalid('malformed'));
    }
  });
});
