import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { type JWTPayload, SignJWT } from 'jose';
import type {
  GuardedFetch,
  GuardedRequest,
} from '../../../../control-plane/identity/issuers/guarded-fetch.ts';
import { exchangeCode } from '../../../../control-plane/identity/oidc-login/exchange-code.ts';
import type { Issuer } from '../../../../control-plane/store/entities/issuer.ts';

const issuerUrl = 'https://idp.example.com';
const nowMs = Date.parse('2026-11-01T12:00:00Z');
const nowSeconds = nowMs / 1000;
const key = generateKeyPairSync('rsa', { modulusLength: 2048 });
const strangersKey = generateKeyPairSync('rsa', { modulusLength: 2048 });

function publicJwk(kid: string, of: KeyObject = key.publicKey) {
  return { ...of.export({ format: 'jwk' }), kid };
}

const issuer = {
  organizationId: 'organization',
  id: 'issuer',
  issuerUrl,
  algorithms: ['RS256'],
  clientId: 'gateway',
  jwks: { keys: [publicJwk('known')] },
  metadata: {
    token_endpoint: `${issuerUrl}/token`,
    authorization_response_iss_parameter_supported: true,
  },
} as unknown as Issuer;

const pending = {
  organizationId: 'organization',
  issuerId: 'issuer',
  verifier: 'v'.repeat(43),
  nonce: 'the nonce',
  redirectUrl: 'https://console.example.com/callback',
};

const good: JWTPayload = {
  iss: issuerUrl,
  aud: 'gateway',
  sub: 'somebody',
  nonce: 'the nonce',
  iat: nowSeconds,
  exp: nowSeconds + 300,
};

function sign(claims: JWTPayload, header = { alg: 'RS256', kid: 'known' }, by = key.privateKey) {
  return new SignJWT(claims).setProtectedHeader(header).sign(by);
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** What the code is exchanged for, by an issuer that answers with this ID token. */
async function exchange(
  idToken: string,
  { refreshed = null, now = nowMs }: { refreshed?: Issuer | null; now?: number } = {},
) {
  const requests: { url: string; request: GuardedRequest | undefined }[] = [];
  const guarded: GuardedFetch = {
    fetch: async (url, request) => {
      requests.push({ url, request });
      const text = JSON.stringify({ access_token: 'a', token_type: 'Bearer', id_token: idToken });
      return { status: 200, headers: new Map([['content-type', 'application/json']]), text };
    },
    close: async () => undefined,
  };
  const outcome = await exchangeCode(
    { guarded, now: () => now },
    issuer,
    'secret',
    pending,
    { state: 'state', code: 'code', iss: issuerUrl },
    async () => refreshed,
  );
  return { outcome: outcome.ok ? outcome.claims.sub : outcome.failure, requests };
}

describe('the exchange of a code', () => {
  test('gives the claims of a good ID token; the request carries verifier, client and redirect URL', async () => {
    const { outcome, requests } = await exchange(await sign(good));
    expect(outcome).toBe('somebody');
    expect(requests.map(({ url }) => url)).toEqual([`${issuerUrl}/token`]);
    expect(Object.fromEntries(new URLSearchParams(requests[0]?.request?.body))).toEqual({
      grant_type: 'authorization_code',
      code: 'code',
      code_verifier: pending.verifier,
      redirect_uri: pending.redirectUrl,
    });
    expect(requests[0]?.request?.headers?.['authorization']).toBe(
      `Basic ${Buffer.from('gateway:secret').toString('base64')}`,
    );
  });

  test.each([
    ['another issuer', { iss: 'https://evil.example.com' }],
    ['another audience', { aud: 'another client' }],
    ['another nonce', { nonce: 'replayed' }],
    ['no nonce', { nonce: undefined }],
    ['expired', { exp: nowSeconds - 60 }],
    ['not yet valid', { nbf: nowSeconds + 120 }],
    ['no subject', { sub: undefined }],
    ['no expiry', { exp: undefined }],
  ])('%s is refused', async (_what, claims) => {
    const { outcome } = await exchange(await sign({ ...good, ...claims } as JWTPayload));
    expect(outcome).toBe('id_token_refused');
  });

  test('a clock that is a little off is borne, by the injected clock', async () => {
    expect((await exchange(await sign({ ...good, exp: nowSeconds - 20 }))).outcome).toBe(
      'somebody',
    );
    const late = await exchange(await sign(good), { now: nowMs + 3_600_000 });
    expect(late.outcome).toBe('id_token_refused');
  });

  test('a stranger’s signature under a known key id is refused', async () => {
    const forged = await sign(good, { alg: 'RS256', kid: 'known' }, strangersKey.privateKey);
    expect((await exchange(forged)).outcome).toBe('id_token_refused');
  });

  test('an unsigned token is refused, and one signed by the public key as a secret', async () => {
    const none = `${encoded({ alg: 'none' })}.${encoded(good)}.`;
    expect((await exchange(none)).outcome).toBe('id_token_refused');
    const input = `${encoded({ alg: 'HS256', kid: 'known' })}.${encoded(good)}`;
    const pem = key.publicKey.export({ format: 'pem', type: 'spki' });
    const confused = `${input}.${createHmac('sha256', pem).update(input).digest('base64url')}`;
    expect((await exchange(confused)).outcome).toBe('id_token_refused');
  });

  test('an algorithm that the organization did not allow is refused, also with the right key', async () => {
    const token = await sign(good, { alg: 'RS512', kid: 'known' });
    expect((await exchange(token)).outcome).toBe('id_token_refused');
  });

  test('an unknown key is looked for once, and then refused', async () => {
    const token = await sign(good, { alg: 'RS256', kid: 'new' });
    expect((await exchange(token)).outcome).toBe('key_unknown');
    const refreshed = { ...issuer, jwks: { keys: [publicJwk('new')] } } as Issuer;
    expect((await exchange(token, { refreshed })).outcome).toBe('somebody');
    const strange = { ...issuer, jwks: { keys: [publicJwk('new', strangersKey.publicKey)] } };
    expect((await exchange(token, { refreshed: strange as Issuer })).outcome).toBe(
      'id_token_refused',
    );
  });
});
