import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { fetch } from 'undici';
import { advanceSigningKeys } from '../../control-plane/identity/signing-key-rotation.ts';
import { eventually } from '../support/control-stream.ts';
import {
  dataOf,
  type GraphqlHarness,
  logIn,
  openHarness,
  operatorEmail,
  type Replica,
} from './graphql-harness.ts';

let harness: GraphqlHarness;
let replicas: readonly [Replica, Replica];
let token: string;

beforeAll(async () => {
  harness = await openHarness();
  replicas = [await harness.replica(), await harness.replica()];
  token = await logIn(replicas[0], operatorEmail);
});

afterAll(() => harness.close());

const jwksUrl = (replica: Replica) => `${replica.origin}/.well-known/jwks.json`;

async function published(replica: Replica): Promise<readonly Record<string, string>[]> {
  const response = await fetch(jwksUrl(replica));
  return ((await response.json()) as { keys: Record<string, string>[] }).keys;
}

async function verifies(accessToken: string, replica: Replica): Promise<boolean> {
  const keys = createRemoteJWKSet(new URL(jwksUrl(replica)));
  return jwtVerify(accessToken, keys).then(
    () => true,
    () => false,
  );
}

interface ShownKey {
  readonly kid: string;
  readonly phase: string;
}

async function signingKeys(replica: Replica): Promise<readonly ShownKey[]> {
  const reply = await replica.post<{ signingKeys: ShownKey[] }>(
    '{ signingKeys { kid phase } }',
    {},
    token,
  );
  return dataOf(reply).signingKeys;
}

describe('the published keys', () => {
  test('are public halves, may be cached, and verify a token of any replica', async () => {
    const response = await fetch(jwksUrl(replicas[0]));
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^application\/jwk-set\+json/);
    expect(response.headers.get('cache-control')).toBe('public, max-age=300');
    const [key] = await published(replicas[0]);
    expect(key).toEqual({
      kty: 'OKP',
      crv: 'Ed25519',
      alg: 'EdDSA',
      use: 'sig',
      kid: decodeProtectedHeader(token).kid,
      x: expect.any(String),
    });
    expect(await verifies(token, replicas[1])).toBe(true);
  });

  test('have a new key on every replica before it signs, and the old one after', async () => {
    harness.clock.nowMs += 1000;
    const reply = await replicas[0].post<{ rotateSigningKey: { signingKey: ShownKey } }>(
      'mutation { rotateSigningKey { signingKey { kid phase } userErrors { message } } }',
      {},
      token,
    );
    const { kid, phase } = dataOf(reply).rotateSigningKey.signingKey;
    expect(phase).toBe('PUBLISHED');
    for (const replica of replicas) {
      await eventually(
        () => published(replica),
        (keys) => keys.length === 2 && keys.some((key) => key['kid'] === kid),
      );
      expect(decodeProtectedHeader(await logIn(replica, operatorEmail)).kid).not.toBe(kid);
    }
    const schedule = { rotationIntervalMs: 0, activationDelayMs: 0, retentionMs: 1e9 };
    const { masterKeys } = harness.database;
    await harness.store.withSystem((em) =>
      advanceSigningKeys(em, { masterKeys, schedule, nowMs: Date.now() }),
    );
    for (const replica of replicas) {
      await eventually(
        async () => decodeProtectedHeader(await logIn(replica, operatorEmail)).kid,
        (current) => current === kid,
      );
    }
    const later = await logIn(replicas[0], operatorEmail);
    for (const replica of replicas) {
      for (const each of [token, later]) expect(await verifies(each, replica)).toBe(true);
      const shown = (await signingKeys(replica)).map((key) => key.phase);
      expect(shown).toEqual(['RETIRED', 'ACTIVE']);
    }
  });
});

describe('keys are for operators alone', () => {
  test.each([
    '{ signingKeys { kid } }',
    'mutation { rotateSigningKey { userErrors { message } } }',
    'mutation { rotateSealKeys(input: { nodeGroupId: "x" }) { userErrors { message } } }',
  ])('%s', async (operation) => {
    const stranger = await replicas[0].post(operation, {}, undefined);
    expect(stranger.errors.map(({ extensions }) => extensions.code)).toEqual(['UNAUTHENTICATED']);
    const operator = await replicas[0].post(operation, {}, token);
    expect(operator.errors).toEqual([]);
  });

  test('and no type of the schema has a field that could show one', async () => {
    const reply = await replicas[0].post<{
      __schema: { types: { name: string; fields: { name: string }[] | null }[] };
    }>('{ __schema { types { name fields { name } } } }', {}, token);
    const fields = dataOf(reply)
      .__schema.types.sort((a, b) => (a.name < b.name ? -1 : 1))
      .filter(({ name }) => /^(Seal|Signing)Key$/.test(name));
    expect(fields.map(({ fields: shown }) => shown?.map(({ name }) => name).sort())).toEqual([
      ['awaitedNodes', 'createdAt', 'id', 'phase', 'primarySince', 'retiredAt'],
      ['activatedAt', 'createdAt', 'kid', 'phase', 'retiredAt'],
    ]);
  });
});
