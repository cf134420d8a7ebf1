import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  dataOf,
  type GraphqlHarness,
  openHarness,
  operatorEmail,
  password,
  type Replica,
} from './graphql-harness.ts';

let harness: GraphqlHarness;
let api: Replica;
let token: string;
let organizationId: string;

beforeAll(async () => {
  harness = await openHarness();
  api = await harness.replica();
  organizationId = harness.platform.organization.id;
  const login = await api.post<{ login: { accessToken: string } }>(
    'mutation ($email: String!, $password: String!) { login(email: $email, password: $password) { accessToken } }',
    { email: operatorEmail, password },
  );
  token = dataOf(login).login.accessToken;
}, 60_000);

afterAll(() => harness.close());

interface Shown {
  readonly id: string;
  readonly subject: string | null;
  readonly issuedBefore: string | null;
  readonly tokenId: string | null;
  readonly reason: string;
  readonly expiresAt: string;
}

const fields = 'id subject issuedBefore tokenId sessionId reason createdAt expiresAt';

async function mutate(name: 'revokeSubject' | 'revokeToken', input: object) {
  const type = name === 'revokeSubject' ? 'RevokeSubjectInput' : 'RevokeTokenInput';
  const query = `mutation ($input: ${type}!) { answer: ${name}(input: $input) { revocation { ${fields} } userErrors { path code } } }`;
  const reply = await api.post<{
    answer: { revocation: Shown | null; userErrors: { path: string[]; code: string }[] };
  }>(query, { input: { organizationId, reason: 'lost laptop', ...input } }, token);
  return dataOf(reply).answer;
}

test('a subject and a token are revoked, listed and audited', async () => {
  const subject = `user:${randomUUID()}`;
  const one = await mutate('revokeSubject', { subject });
  expect(one).toMatchObject({ userErrors: [], revocation: { subject, tokenId: null } });
  const two = await mutate('revokeToken', { tokenId: 'jti-1' });
  expect(two).toMatchObject({ userErrors: [], revocation: { subject: null, tokenId: 'jti-1' } });
  // As long as any token can live.
  const lifeMs = Date.parse(two.revocation?.expiresAt ?? '') - Date.now();
  expect(lifeMs).toBeGreaterThan(23.9 * 3_600_000);

  const shown = await api.post<{
    organization: {
      revocations: { nodes: Shown[]; pageInfo: { hasNextPage: boolean; endCursor: string } };
      auditEntries: { nodes: { action: string }[] };
    };
  }>(
    `query ($id: ID!) { organization(id: $id) {
      revocations(first: 1) { nodes { ${fields} } pageInfo { hasNextPage endCursor } }
      auditEntries(first: 5) { nodes { action } } } }`,
    { id: organizationId },
    token,
  );
  const { revocations, auditEntries } = dataOf(shown).organization;
  expect(revocations).toMatchObject({
    nodes: [{ id: two.revocation?.id }],
    pageInfo: { hasNextPage: true },
  });
  expect(auditEntries.nodes.map(({ action }) => action)).toEqual(
    expect.arrayContaining(['subject.revoke', 'token.revoke']),
  );
});

test.each<[string, 'revokeSubject' | 'revokeToken', object, string, string]>([
  ['a subject of no kind', 'revokeSubject', { subject: 'alice' }, 'subject', 'INVALID_FORMAT'],
  [
    'a service',
    'revokeSubject',
    { subject: `service:${randomUUID()}` },
    'subject',
    'INVALID_FORMAT',
  ],
  [
    'an unknown issuer’s',
    'revokeSubject',
    { subject: `issuer:${randomUUID()}:x` },
    'subject',
    'NOT_FOUND',
  ],
  ['a token without an id', 'revokeToken', { tokenId: '' }, 'tokenId', 'INVALID_FORMAT'],
  [
    'a past expiry',
    'revokeToken',
    { tokenId: 'x', expiresAt: '2020-01-01T00:00:00Z' },
    'expiresAt',
    'OUT_OF_RANGE',
  ],
  [
    'an expiry too late',
    'revokeToken',
    { tokenId: 'x', expiresAt: '2090-01-01T00:00:00Z' },
    'expiresAt',
    'OUT_OF_RANGE',
  ],
  ['no reason', 'revokeToken', { tokenId: 'x', reason: ' ' }, 'reason', 'REQUIRED'],
])('%s is an error of the input', async (_, name, input, path, code) => {
  expect(await mutate(name, input)).toEqual({
    revocation: null,
    userErrors: [{ path: [path], code }],
  });
});

test('an organization says how old a view may be, and takes it back', async () => {
  const update = async (input: object) => {
    const read = await api.post<{ organization: { version: number } }>(
      'query ($id: ID!) { organization(id: $id) { version } }',
      { id: organizationId },
      token,
    );
    const { version } = dataOf(read).organization;
    const reply = await api.post<{
      updateOrganization: { organization: { staleAfterSeconds: number | null } | null };
    }>(
      'mutation ($input: UpdateOrganizationInput!) { updateOrganization(input: $input) { organization { staleAfterSeconds } userErrors { code } } }',
      { input: { organizationId, version, ...input } },
      token,
    );
    return dataOf(reply).updateOrganization.organization?.staleAfterSeconds;
  };
  expect(await update({ staleAfterSeconds: 30 })).toBe(30);
  expect(await update({ name: 'Renamed' })).toBe(30);
  expect(await update({ staleAfterSeconds: 9 })).toBeUndefined();
  expect(await update({ staleAfterSeconds: null })).toBeNull();
});
