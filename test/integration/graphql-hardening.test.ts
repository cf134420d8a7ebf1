import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { fetch } from 'undici';
import { WebSocket } from 'ws';
import {
  type GraphqlHarness,
  logIn,
  openHarness,
  operatorEmail,
  password,
  type Replica,
} from './graphql-harness.ts';
import { Subscribers } from './graphql-subscriber.ts';

let harness: GraphqlHarness;
let open: Replica;
let closed: Replica;
let token: string;
const subscribers = new Subscribers();

beforeAll(async () => {
  harness = await openHarness();
  open = await harness.replica();
  closed = await harness.replica({ settings: { introspection: false } });
  token = await logIn(open, operatorEmail);
});

afterEach(() => subscribers.end());
afterAll(() => harness.close());

async function auditActions(): Promise<string[]> {
  const client = await harness.database.connect('system');
  const { rows } = await client.query<{ action: string }>(
    'select action from audit_logs order by at',
  );
  return rows.map(({ action }) => action);
}

describe('cross-site request forgery', () => {
  const endpoints = ['/graphql', '/graphql/stream'] as const;
  const login = `mutation { login(email: "${operatorEmail}", password: "${password}") { expiresAt } }`;
  const json = JSON.stringify({ query: login });
  const multipart =
    '--x\r\nContent-Disposition: form-data; name="operations"\r\n\r\n{}\r\n--x--\r\n';
  // What a page of another origin can send without asking first (Fetch standard, CORS-safelisted).
  const simple: readonly (readonly [string | undefined, string])[] = [
    ['text/plain', json],
    ['text/plain;charset=UTF-8', json],
    ['text/plain; application/json', json],
    ['application/x-www-form-urlencoded', `query=${encodeURIComponent(login)}`],
    ['multipart/form-data; boundary=x', multipart],
    ['application/x-www-form-urlencoded; charset=application/json', json],
    [undefined, json],
  ];

  describe.each(endpoints)('%s', (path) => {
    test.each(simple)('refuses content type %s, and nothing runs', async (type, body) => {
      const before = await auditActions();
      const response = await fetch(`${open.origin}${path}`, {
        method: 'POST',
        // A Buffer, because fetch names the type of a text by itself.
        headers: type === undefined ? {} : { 'content-type': type },
        body: Buffer.from(body),
      });
      expect(response.status).toBeGreaterThanOrEqual(400);
      expect(response.status).toBeLessThan(500);
      expect(await response.json()).toMatchObject({
        errors: [{ extensions: { code: 'BAD_REQUEST' } }],
      });
      expect(await auditActions()).toEqual(before);
    });

    test('is not opened to other origins by a preflight', async () => {
      const response = await fetch(`${open.origin}${path}`, {
        method: 'OPTIONS',
        headers: {
          origin: 'https://evil.example',
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'content-type',
        },
      });
      expect(response.ok).toBe(false);
      const cors = [...response.headers.keys()].filter((name) => name.startsWith('access-control'));
      expect(cors).toEqual([]);
    });

    test('runs nothing by GET', async () => {
      const query = encodeURIComponent('{ __typename }');
      const response = await fetch(`${open.origin}${path}?query=${query}`);
      expect(response.status).toBe(404);
    });
  });

  test('a page of another origin can’t open a WebSocket', async () => {
    const socket = new WebSocket(open.url.replace('http', 'ws'), 'graphql-transport-ws', {
      headers: { origin: 'https://evil.example' },
    });
    const status = await new Promise((resolve) => {
      socket.on('unexpected-response', (_request, response) => resolve(response.statusCode));
      socket.on('error', () => undefined);
    });
    expect(status).toBe(403);
  });
});

describe('several operations in one request', () => {
  test.each(['/graphql', '/graphql/stream'])('are refused at %s', async (path) => {
    const one = { query: '{ __typename }' };
    const response = await fetch(`${open.origin}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify([one, one]),
    });
    expect([response.status, await response.json()]).toEqual([
      400,
      { errors: [expect.objectContaining({ extensions: { code: 'BAD_REQUEST' } })] },
    ]);
  });
});

describe('names in the schema', () => {
  const id = '01900000-0000-7000-8000-000000000000';
  /** Operations with a mistake close to a name, and the name that must not be told. */
  const typos: readonly (readonly [string, string, object, string])[] = [
    ['a field', '{ organisations { nodes { id } } }', {}, 'organizations'],
    ['an argument', '{ organizations(frist: 1) { nodes { id } } }', {}, 'first'],
    [
      'a type',
      'query($x: OrganizationFilterr) { organizations { nodes { id } } }',
      {},
      'OrganizationFilter"',
    ],
    ['a fragment’s type', '{ ...F } fragment F on Querry { __typename }', {}, 'Query"'],
    [
      'an enum’s value',
      `{ organization(id: "${id}") { members(filter: { role: ADMINN }) { nodes { role } } } }`,
      {},
      'ADMIN"',
    ],
    [
      'a variable’s value',
      `query($f: ServerFilter) { organization(id: "${id}") { servers(filter: $f) { nodes { id } } } }`,
      { f: { transport: 'STREAMABLE_HTPP' } },
      'STREAMABLE_HTTP',
    ],
    [
      'a variable’s field',
      `query($f: ServerFilter) { organization(id: "${id}") { servers(filter: $f) { nodes { id } } } }`,
      { f: { transprot: 'X' } },
      '"transport"',
    ],
  ];

  test.each(typos)('%s: the test’s mistake is one that is usually answered', async (...typo) => {
    const [, query, variables, name] = typo;
    const { errors } = await open.post(query, variables, token);
    expect(errors[0]?.message).toContain(name);
    expect(errors[0]?.message).toContain('Did you mean');
  });

  test.each(typos)('%s is not suggested in production', async (_what, query, variables, name) => {
    const reply = await closed.post(query, variables, token);
    expect(reply.errors.length).toBeGreaterThan(0);
    expect(reply.text).not.toContain('Did you mean');
    expect(reply.errors[0]?.message).not.toContain(name);
  });

  const subscriptions: readonly (readonly [string, Record<string, unknown>])[] = [
    ['subscription { requestLogAded(organizationId: "x") { id } }', {}],
    ['subscription { requestLogAdded(organizationId: "x", fitler: {}) { id } }', {}],
    [
      'subscription($f: RequestLogFilter) { requestLogAdded(organizationId: "x", filter: $f) { id } }',
      { f: { decision: 'ALOWED' } },
    ],
    [
      'subscription($f: RequestLogFilter) { requestLogAdded(organizationId: "x", filter: $f) { id } }',
      { f: { decison: 'ALLOWED' } },
    ],
  ];

  test.each(subscriptions)('of %s are suggested by no stream in production', async (...given) => {
    const [query, variables] = given;
    for (const [replica, suggests] of [
      [open, true],
      [closed, false],
    ] as const) {
      const inbox = subscribers.open('websocket', replica, { query, variables }, token);
      const end = JSON.stringify([await inbox.ended, inbox.items]);
      const response = await fetch(`${replica.origin}/graphql/stream`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: JSON.stringify({ query, variables }),
      });
      const texts = [end, await response.text()];
      expect(texts.map((text) => text.includes('Did you mean'))).toEqual([suggests, suggests]);
    }
  });

  test('are not listed by introspection in production, over any transport', async () => {
    const query = '{ __schema { types { name } } }';
    const { errors } = await closed.post(query, {}, token);
    expect(errors[0]?.extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
    const streamed = 'subscription { __schema { types { name } } }';
    const inbox = subscribers.open('websocket', closed, streamed, token);
    expect(JSON.stringify(await inbox.ended)).toContain('GRAPHQL_VALIDATION_FAILED');
    const response = await fetch(`${closed.origin}/graphql/stream`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ query: streamed }),
    });
    const text = await response.text();
    expect(text).toContain('GRAPHQL_VALIDATION_FAILED');
    expect(text).not.toContain('RequestLog');
  });
});
