import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { fetch } from 'undici';
import {
  type GraphqlHarness,
  logIn,
  openHarness,
  operatorEmail,
  type Replica,
  type ReplyError,
} from './graphql-harness.ts';
import { Subscribers, subscriptionTransports, untilSubscribed } from './graphql-subscriber.ts';

let harness: GraphqlHarness;
let plain: Replica;
let token: string;
let organizationId: string;
const folder = mkdtempSync(path.join(tmpdir(), 'mcpgw-manifest-'));
const subscribers = new Subscribers();

beforeAll(async () => {
  harness = await openHarness();
  plain = await harness.replica();
  token = await logIn(plain, operatorEmail);
  organizationId = harness.platform.organization.id;
});

afterEach(() => subscribers.end());

afterAll(async () => {
  await harness.close();
  rmSync(folder, { recursive: true });
});

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const byHash = (sha256Hash: string) => ({ persistedQuery: { version: 1, sha256Hash } });

async function send(replica: Replica, body: object, at = '/graphql') {
  const response = await fetch(`${replica.origin}${at}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  const reply = JSON.parse(text) as { data?: unknown; errors?: ReplyError[] };
  const [error] = reply.errors ?? [];
  return {
    status: response.status,
    data: reply.data,
    code: error?.extensions.code,
    message: error?.message,
  };
}

const viewer = 'query Viewer { viewer { user { email } } }';
const shown = { viewer: { user: { email: operatorEmail } } };

describe('documents by hash that are not asked for', () => {
  test('are refused over every transport, as their clients expect it', async () => {
    const answer = { code: 'PERSISTED_QUERY_NOT_SUPPORTED', message: 'PersistedQueryNotSupported' };
    const extensions = byHash(sha256(viewer));
    expect(await send(plain, { extensions })).toMatchObject({ status: 400, ...answer });
    expect(await send(plain, { query: viewer, extensions })).toMatchObject(answer);
    expect(await send(plain, { extensions }, '/graphql/stream')).toMatchObject(answer);
    const inbox = subscribers.open('websocket', plain, { query: '', extensions }, token);
    expect(JSON.stringify(await inbox.ended)).toContain(answer.code);
  });
});

describe('automatic persisted queries', () => {
  test('ask for the document once, and take the hash from then on', async () => {
    const replica = await harness.replica({ settings: { persistedQueries: 'automatic' } });
    const extensions = byHash(sha256(viewer));
    expect(await send(replica, { extensions })).toMatchObject({
      status: 200,
      code: 'PERSISTED_QUERY_NOT_FOUND',
      message: 'PersistedQueryNotFound',
    });
    expect(await send(replica, { query: viewer, extensions })).toMatchObject({ data: shown });
    expect(await send(replica, { extensions })).toMatchObject({ status: 200, data: shown });
    expect(await send(replica, { query: viewer })).toMatchObject({ data: shown });
  });

  test('keep no document under another’s hash', async () => {
    const replica = await harness.replica({ settings: { persistedQueries: 'automatic' } });
    const extensions = byHash(sha256(viewer));
    const poison = { query: '{ __typename }', extensions };
    expect(await send(replica, poison)).toMatchObject({ status: 400, code: 'BAD_REQUEST' });
    expect((await send(replica, { extensions })).code).toBe('PERSISTED_QUERY_NOT_FOUND');
  });

  test.each<[string, string, object]>([
    ['GRAPHQL_PARSE_FAILED', '{', {}],
    ['GRAPHQL_VALIDATION_FAILED', '{ nothing }', {}],
    ['OPERATION_TOO_DEEP', viewer, { depthMax: 2 }],
    ['OPERATION_TOO_COSTLY', viewer, { costMax: 1 }],
    ['TOO_MANY_TOKENS', viewer, { tokensMax: 3 }],
    ['TOO_MANY_ALIASES', '{ a: viewer { user { id } } }', { aliasesMax: 0 }],
  ])('keep none that is refused with %s', async (code, query, bounds) => {
    const settings = { persistedQueries: 'automatic' } as const;
    const replica = await harness.replica({ settings, bounds });
    const extensions = byHash(sha256(query));
    expect((await send(replica, { query, extensions })).code).toBe(code);
    expect((await send(replica, { extensions })).code).toBe('PERSISTED_QUERY_NOT_FOUND');
  });

  test('are measured with the variables of each request', async () => {
    const replica = await harness.replica({ settings: { persistedQueries: 'automatic' } });
    const query =
      'query($n: Int) { organizations(first: $n) { nodes { servers(first: $n) { nodes { id } } } } }';
    const extensions = byHash(sha256(query));
    const small = { variables: { n: 2 }, extensions };
    expect((await send(replica, { query, ...small })).status).toBe(200);
    expect((await send(replica, small)).code).toBeUndefined();
    const large = await send(replica, { variables: { n: 100 }, extensions });
    expect(large).toMatchObject({ status: 400, code: 'OPERATION_TOO_COSTLY' });
  });

  test('forget the document used longest ago when there is no room', async () => {
    const settings = { persistedQueries: 'automatic' } as const;
    const replica = await harness.replica({ settings, bounds: { persistedDocumentsMax: 2 } });
    const [a, b, c] = ['{ a: __typename }', '{ b: __typename }', '{ c: __typename }'] as const;
    for (const query of [a, b]) await send(replica, { query, extensions: byHash(sha256(query)) });
    await send(replica, { extensions: byHash(sha256(a)) });
    await send(replica, { query: c, extensions: byHash(sha256(c)) });
    const codes = [];
    for (const query of [a, b, c]) {
      codes.push((await send(replica, { extensions: byHash(sha256(query)) })).code);
    }
    expect(codes).toEqual([undefined, 'PERSISTED_QUERY_NOT_FOUND', undefined]);
  });

  test('of another version are refused', async () => {
    const replica = await harness.replica({ settings: { persistedQueries: 'automatic' } });
    const extensions = { persistedQuery: { version: 2, sha256Hash: sha256(viewer) } };
    expect(await send(replica, { query: viewer, extensions })).toMatchObject({
      status: 400,
      code: 'BAD_REQUEST',
    });
  });

  test.each(subscriptionTransports)('serve subscriptions over %s', async (transport) => {
    const replica = await harness.replica({ settings: { persistedQueries: 'automatic' } });
    const query = `subscription { requestLogAdded(organizationId: "${organizationId}") { id } }`;
    const extensions = byHash(sha256(query));
    const unknown = subscribers.open(transport, replica, { query: '', extensions }, token);
    const refused = JSON.stringify([await unknown.ended, unknown.items]);
    expect(refused).toContain('PERSISTED_QUERY_NOT_FOUND');
    subscribers.open(transport, replica, { query, extensions }, token);
    await untilSubscribed(replica, 1);
    subscribers.open(transport, replica, { query: '', extensions }, token);
    await untilSubscribed(replica, 2);
  });
});

const listed = {
  viewer,
  logs: 'subscription Logs($id: ID!) { requestLogAdded(organizationId: $id) { id } }',
  pages:
    'query Pages($n: Int) { organizations(first: $n) { nodes { servers(first: $n) { nodes { id } } } } }',
};

interface Operation {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly body: string;
}

function manifest(name: string, operations: readonly Operation[]): string {
  const file = path.join(folder, name);
  const format = 'apollo-persisted-query-manifest';
  writeFileSync(file, JSON.stringify({ format, version: 1, operations }));
  return file;
}

describe('a list of operations', () => {
  let replica: Replica;

  beforeAll(async () => {
    const manifestFile = manifest('good.json', [
      { id: sha256(listed.viewer), name: 'Viewer', type: 'query', body: listed.viewer },
      { id: 'logs', name: 'Logs', type: 'subscription', body: listed.logs },
      { id: 'pages', name: 'Pages', type: 'query', body: listed.pages },
    ]);
    replica = await harness.replica({ settings: { persistedQueries: { manifestFile } } });
  });

  test('runs them by their id, or by exactly their document', async () => {
    for (const body of [
      { extensions: byHash(sha256(viewer)) },
      { documentId: sha256(viewer) },
      { query: viewer },
      { query: viewer, extensions: byHash(sha256(viewer)) },
    ]) {
      expect(await send(replica, body)).toMatchObject({ status: 200, data: shown });
    }
  });

  test.each<[string, object]>([
    ['QUERY_NOT_IN_SAFELIST', { query: `${viewer} ` }],
    ['QUERY_NOT_IN_SAFELIST', { query: '{ viewer { user { id } } }' }],
    ['QUERY_NOT_IN_SAFELIST', { query: '{ __typename }' }],
    ['QUERY_NOT_IN_SAFELIST', { query: '{ __typename }', documentId: 'pages' }],
    ['QUERY_NOT_IN_SAFELIST', { query: '{ __typename }', extensions: byHash('pages') }],
    ['PERSISTED_QUERY_NOT_IN_LIST', { query: viewer, extensions: byHash('unknown') }],
    ['PERSISTED_QUERY_NOT_IN_LIST', { documentId: 'unknown' }],
    ['PERSISTED_QUERY_NOT_IN_LIST', { extensions: byHash('__proto__') }],
    ['BAD_REQUEST', {}],
    ['BAD_REQUEST', { query: 1 }],
    ['BAD_REQUEST', { query: '{ __typename }', extensions: 1 }],
    ['BAD_REQUEST', [{ query: '{ __typename }' }]],
  ])('answers %s for %j, over HTTP as over SSE', async (code, body) => {
    expect(await send(replica, body)).toMatchObject({ status: 400, code });
    expect(await send(replica, body, '/graphql/stream')).toMatchObject({ status: 400, code });
  });

  test.each(subscriptionTransports)('holds for subscriptions over %s', async (transport) => {
    const variables = { id: organizationId };
    const open = (query: string, extensions: Record<string, unknown> = {}) =>
      subscribers.open(transport, replica, { query, variables, extensions }, token);
    open(listed.logs);
    open('', byHash('logs'));
    await untilSubscribed(replica, 2);
    const others = [
      open(`${listed.logs} `),
      open('', byHash('other')),
      open(listed.logs, byHash('pages')),
    ];
    const codes = await Promise.all(
      others.map(async (inbox) => JSON.stringify([await inbox.ended, inbox.items])),
    );
    expect(codes).toEqual([
      expect.stringContaining('QUERY_NOT_IN_SAFELIST'),
      expect.stringContaining('PERSISTED_QUERY_NOT_IN_LIST'),
      expect.stringContaining('QUERY_NOT_IN_SAFELIST'),
    ]);
    await subscribers.end();
    await untilSubscribed(replica, 0);
  });

  test('lifts no bound', async () => {
    const body = { documentId: 'pages', variables: { n: 100 } };
    expect(await send(replica, body)).toMatchObject({ status: 400, code: 'OPERATION_TOO_COSTLY' });
  });

  test('is refused at the start with everything that is wrong with it', async () => {
    const operation = (id: string, name: string, type: string, body: string) => ({
      ...{ id, name, type, body },
    });
    const manifestFile = manifest('bad.json', [
      operation('1', 'Viewer', 'query', viewer),
      operation('1', 'Other', 'query', 'query Other { viewer { user { id } } }'),
      operation('2', 'Wrong', 'query', 'query Right { viewer { user { id } } }'),
      operation('3', 'Mutation', 'query', 'mutation Mutation { login { accessToken } }'),
      operation('4', 'Nothing', 'query', 'query Nothing { nothing }'),
      operation('5', 'Broken', 'query', 'query Broken {'),
      operation(
        '6',
        'Two',
        'query',
        'query Two { viewer { user { id } } } query B { viewer { user { id } } }',
      ),
    ]);
    const start = harness.replica({ settings: { persistedQueries: { manifestFile } } });
    const { message } = await start.then(
      () => new Error('started'),
      (error: Error) => error,
    );
    expect(message.split('\n')).toEqual([
      `The manifest of persisted queries ${manifestFile} can't be used:`,
      '  operations.1 (Other): has the id of an operation before it',
      '  operations.2 (Wrong): is called Right',
      '  operations.3 (Mutation): is a mutation, not a query',
      '  operations.4 (Nothing): Cannot query field "nothing" on type "Query".',
      '  operations.5 (Broken): Syntax Error: Expected Name, found <EOF>.',
      '  operations.6 (Two): holds not exactly one operation',
    ]);
  });

  test.each<[string, string | undefined, RegExp]>([
    ['a file that is not there', undefined, /can't be read \(ENOENT\)/],
    ['what is no JSON', '{', /It is not JSON/],
    ['another format', '{"format":"relay","version":1,"operations":[]}', /format/],
    [
      'another version',
      '{"format":"apollo-persisted-query-manifest","version":2,"operations":[]}',
      /version/,
    ],
  ])('is refused at the start for %s', async (_what, text, message) => {
    const manifestFile = path.join(folder, 'other.json');
    rmSync(manifestFile, { force: true });
    if (text !== undefined) writeFileSync(manifestFile, text);
    const start = harness.replica({ settings: { persistedQueries: { manifestFile } } });
    await expect(start).rejects.toThrow(message);
  });
});
