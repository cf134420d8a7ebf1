import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { getIntrospectionQuery } from 'graphql';
import { pino } from 'pino';
import { fetch } from 'undici';
import { openSigningKeys } from '../../control-plane/identity/signing-keys.ts';
import type { Store } from '../../control-plane/store/store.ts';
import { createTestDatabase } from '../support/postgres.ts';
import {
  type GraphqlHarness,
  logIn,
  openHarness,
  operatorEmail,
  type Replica,
  type ReplyError,
} from './graphql-harness.ts';

let harness: GraphqlHarness;
let replica: Replica;
let token: string;

beforeAll(async () => {
  harness = await openHarness();
  replica = await harness.replica();
  token = await logIn(replica, operatorEmail);
});

afterAll(() => harness.close());

const deep = (levels: number): string =>
  levels === 0
    ? '__typename'
    : `... on Query { organization(slug: "x") { id } } ${deep(levels - 1)}`;
const nested =
  '{ organizations(first: 1) { edges { node { servers(first: 1) { edges { node { endpoints { id } } } } } } } }';

describe('bounds of an operation', () => {
  test.each([
    ['OPERATION_TOO_DEEP', nested, { depthMax: 7 }],
    [
      'OPERATION_TOO_COSTLY',
      '{ organizations(first: 100) { nodes { servers(first: 100) { nodes { id } } } } }',
      {},
    ],
    [
      'OPERATION_TOO_COSTLY',
      'mutation { a: login(email: "a", password: "b") { accessToken } b: login(email: "a", password: "b") { accessToken } c: login(email: "a", password: "b") { accessToken } }',
      {},
    ],
    [
      'TOO_MANY_ALIASES',
      `{ ${Array.from({ length: 31 }, (_, index) => `a${index}: __typename`).join(' ')} }`,
      {},
    ],
    ['TOO_MANY_TOKENS', `{ ${'__typename '.repeat(2000)} }`, {}],
    ['GRAPHQL_PARSE_FAILED', '{', {}],
    ['GRAPHQL_VALIDATION_FAILED', '{ nothing }', {}],
  ])('%s is answered with status 400 and nothing runs', async (code, query, bounds) => {
    const strict = Object.keys(bounds).length === 0 ? replica : await harness.replica({ bounds });
    const reply = await strict.post(query, {}, token);
    expect([reply.status, reply.errors.map(({ extensions }) => extensions)]).toEqual([
      400,
      [expect.objectContaining({ code })],
    ]);
    expect(reply.data ?? null).toBeNull();
  });

  test('what lies just inside them runs', async () => {
    const aliases = Array.from({ length: 30 }, (_, index) => `a${index}: __typename`).join(' ');
    expect((await replica.post(`{ ${aliases} }`, {}, token)).errors).toEqual([]);
    expect((await replica.post(nested, {}, token)).errors).toEqual([]);
    expect((await replica.post(`{ ${deep(20)} }`, {}, token)).errors).toEqual([]);
  });

  test('a page size in a variable counts', async () => {
    const query =
      'query($n: Int) { organizations(first: $n) { nodes { servers(first: $n) { nodes { id } } } } }';
    expect((await replica.post(query, { n: 10 }, token)).errors).toEqual([]);
    const { errors } = await replica.post(query, { n: 100 }, token);
    expect(errors[0]?.extensions.code).toBe('OPERATION_TOO_COSTLY');
  });
});

describe('requests that are none', () => {
  async function send(init: NonNullable<Parameters<typeof fetch>[1]>, path = '/graphql') {
    const response = await fetch(`${replica.origin}${path}`, init);
    const text = await response.text();
    const body = (text.startsWith('{') ? JSON.parse(text) : {}) as { errors?: ReplyError[] };
    return { status: response.status, code: body.errors?.[0]?.extensions.code, text };
  }
  const json = { 'content-type': 'application/json' };

  test('a body above 1 MB is refused before it is read', async () => {
    const body = JSON.stringify({ query: '{ __typename }', pad: 'x'.repeat(1024 * 1024) });
    expect(await send({ method: 'POST', headers: json, body })).toMatchObject({
      status: 413,
      code: 'BODY_TOO_LARGE',
    });
    expect(await send({ method: 'POST', headers: json, body }, '/graphql/stream')).toMatchObject({
      status: 413,
      code: 'BODY_TOO_LARGE',
    });
  });

  test.each([
    ['text/plain', '{"query":"{ __typename }"}'],
    ['application/x-www-form-urlencoded', 'query=%7B__typename%7D'],
    ['application/json', '{"query":'],
    ['application/json', '[{"query":"{ __typename }"},{"query":"{ __typename }"}]'],
    ['application/json', '{}'],
  ])('%s %s is refused as a bad request', async (type, body) => {
    const reply = await send({ method: 'POST', headers: { 'content-type': type }, body });
    expect(reply.status).toBeGreaterThanOrEqual(400);
    expect(reply.status).toBeLessThan(500);
    expect(reply.code).toBe('BAD_REQUEST');
  });

  test('GET runs nothing and shows no page', async () => {
    const reply = await send({ headers: { accept: 'text/html' } }, '/graphql?query={__typename}');
    expect(reply).toMatchObject({ status: 404, code: 'NOT_FOUND' });
    expect(reply.text).not.toContain('<');
  });

  test('documents by hash are not kept', async () => {
    const extensions = { persistedQuery: { version: 1, sha256Hash: 'a'.repeat(64) } };
    const reply = await send({
      method: 'POST',
      headers: json,
      body: JSON.stringify({ extensions }),
    });
    expect(reply.code).toBe('PERSISTED_QUERY_NOT_SUPPORTED');
  });
});

describe('introspection', () => {
  test('answers clients’ usual query when it is on', async () => {
    expect((await replica.post(getIntrospectionQuery())).errors).toEqual([]);
  });

  test('is refused, with suggestions, when it is off', async () => {
    const closed = await harness.replica({ settings: { introspection: false } });
    const { errors } = await closed.post('{ __schema { types { name } } }');
    expect(errors[0]?.extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
    const typo = await closed.post('{ organisations { nodes { id } } }');
    expect(typo.text).not.toContain('organizations');
  });
});

describe('a failure inside', () => {
  test('shows a trace id and nothing else', async () => {
    const message = 'relation "secrets" does not exist at 10.0.0.1';
    const broken = await harness.replica({
      settings: {
        store: {
          ...harness.store,
          withPlatform: () => Promise.reject(new Error(message)),
        },
      },
    });
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const response = await fetch(broken.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${token}`,
        traceparent: `00-${traceId}-b7ad6b7169203331-01`,
      },
      body: JSON.stringify({ query: '{ nodes { nodes { id } } }' }),
    });
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({
      errors: [{ extensions: { code: 'INTERNAL', traceId } }],
    });
    for (const part of ['relation', '10.0.0.1', 'stack', '.ts']) expect(text).not.toContain(part);
  });
});

test('health and metrics are on the same port', async () => {
  const health = await fetch(`${replica.origin}/health`);
  expect([health.status, await health.json()]).toEqual([200, { status: 'ok' }]);
  const metrics = await (await fetch(`${replica.origin}/metrics`)).text();
  expect(metrics).toContain('mcpgw_graphql_operations_total{type="mutation",outcome="ok"}');
});

test('a server that closes answers what is in work first', async () => {
  const entered = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const withUser: Store['withUser'] = async (userId, work) => {
    entered.resolve();
    await released.promise;
    return harness.store.withUser(userId, work);
  };
  const leaving = await harness.replica({ settings: { store: { ...harness.store, withUser } } });
  const answered = leaving.post('{ viewer { user { email } } }', {}, token);
  await entered.promise;
  const closed = leaving.close();
  released.resolve();
  expect((await answered).errors).toEqual([]);
  await closed;
  await expect(fetch(`${leaving.origin}/health`)).rejects.toThrow();
});

test('replicas that start together on an empty database share one signing key', async () => {
  const database = await createTestDatabase();
  try {
    const stores = await Promise.all([1, 2, 3].map(() => database.openStore()));
    const { masterKeys } = database;
    const rings = await Promise.all(
      stores.map((store) =>
        openSigningKeys({ store, masterKeys, logger: pino({ level: 'silent' }), now: Date.now }),
      ),
    );
    const kids = await Promise.all(rings.map(async (ring) => (await ring.current()).kid));
    expect(new Set(kids).size).toBe(1);
    const client = await database.connect('owner');
    const { rows } = await client.query('select public_jwk, wrapped_private_key from signing_keys');
    expect(rows).toHaveLength(1);
    expect(Object.keys(rows[0].public_jwk)).not.toContain('d');
  } finally {
    await database.drop();
  }
});
