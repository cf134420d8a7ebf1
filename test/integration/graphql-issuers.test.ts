import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type OidcProvider, startOidcProvider } from '../support/oidc-provider.ts';
import {
  dataOf,
  type GraphqlHarness,
  logIn,
  openHarness,
  operatorEmail,
  type Replica,
} from './graphql-harness.ts';

interface IssuerNode {
  readonly id: string;
  readonly name: string;
  readonly version: number;
  readonly hasClientSecret: boolean;
  readonly keys: readonly { readonly keyId: string; readonly keyType: string }[];
  readonly fetchError: string | null;
  readonly fetchedAt: string | null;
  readonly defaultRole: string | null;
  readonly roleMappings: readonly { readonly value: string; readonly role: string }[];
}

interface UserError {
  readonly path: readonly string[];
  readonly code: string;
}

interface IssuerPayload {
  readonly issuer: IssuerNode | null;
  readonly userErrors: readonly UserError[];
}

const fields = `id name version hasClientSecret keys { keyId keyType } fetchError fetchedAt defaultRole
  roleMappings { value role }`;

let harness: GraphqlHarness;
let replica: Replica;
let provider: OidcProvider;
let token: string;
let organizationId: string;

beforeAll(async () => {
  harness = await openHarness();
  replica = await harness.replica();
  provider = await startOidcProvider();
  token = await logIn(replica, operatorEmail);
  organizationId = harness.platform.organization.id;
});

afterAll(async () => {
  await provider.close();
  await harness.close();
});

async function mutate(name: string, type: string, input: object): Promise<IssuerPayload> {
  const reply = await replica.post<Record<string, IssuerPayload>>(
    `mutation($input: ${type}!) { result: ${name}(input: $input) {
       issuer { ${fields} } userErrors { path code } } }`,
    { input: { organizationId, ...input } },
    token,
  );
  const { result } = dataOf(reply);
  if (result === undefined) throw new Error(reply.text);
  return result;
}

function create(input: object): Promise<IssuerPayload> {
  return mutate('createIssuer', 'CreateIssuerInput', input);
}

function update(issuer: IssuerNode, input: object): Promise<IssuerPayload> {
  const { id, version } = issuer;
  return mutate('updateIssuer', 'UpdateIssuerInput', { id, version, ...input });
}

function refresh(issuer: IssuerNode): Promise<IssuerPayload> {
  return mutate('refreshIssuer', 'RefreshIssuerInput', { id: issuer.id });
}

async function remove(issuer: IssuerNode): Promise<void> {
  const reply = await replica.post<{ deleteIssuer: { deletedId: string | null } }>(
    `mutation($input: DeleteInOrganizationInput!) { deleteIssuer(input: $input) { deletedId } }`,
    { input: { organizationId, id: issuer.id, version: issuer.version } },
    token,
  );
  expect(dataOf(reply).deleteIssuer.deletedId).toBe(issuer.id);
}

function saved({ issuer, userErrors }: IssuerPayload): IssuerNode {
  if (issuer === null) throw new Error(JSON.stringify(userErrors));
  return issuer;
}

async function lastAudit(
  action: string,
): Promise<{ details: Record<string, unknown> } | undefined> {
  const [entry] = await harness.store.withSystem((em) =>
    em.execute<{ details: Record<string, unknown> }[]>(
      'select details from audit_logs where action = ? order by at desc, sequence desc limit 1',
      [action],
    ),
  );
  return entry;
}

async function revision(): Promise<number> {
  const [row] = await harness.store.withSystem((em) =>
    em.execute<{ revision: string }[]>('select revision from platform_state'),
  );
  return Number(row?.revision);
}

async function letCooldownPass(id: string): Promise<void> {
  await harness.store.withSystem((em) =>
    em.execute(
      `update issuers set fetched_at = fetched_at - interval '1 minute',
         fetch_failed_at = fetch_failed_at - interval '1 minute' where id = ?`,
      [id],
    ),
  );
}

describe('issuers in GraphQL', () => {
  test('an issuer is created, read, listed, changed and deleted, each with an audit entry', async () => {
    const issuer = saved(
      await create({
        name: 'idp',
        issuerUrl: provider.issuerUrl,
        clientId: 'gateway',
        clientSecret: 'a client secret',
        roleClaim: ['groups'],
        roleMappings: [{ value: 'engineers', role: 'developer' }],
      }),
    );
    expect(issuer).toMatchObject({ name: 'idp', version: 1, hasClientSecret: true, keys: [] });
    const created = await lastAudit('issuer.create');
    expect(created?.details).toMatchObject({ after: { issuerUrl: provider.issuerUrl } });
    expect(JSON.stringify(created)).not.toContain('a client secret');

    const renamed = saved(
      await update(issuer, { name: 'sso', defaultRole: 'agent', clientSecret: null }),
    );
    expect(renamed).toMatchObject({ name: 'sso', defaultRole: 'agent', hasClientSecret: false });
    expect((await lastAudit('issuer.update'))?.details).toMatchObject({
      before: { name: 'idp', defaultRole: null },
      after: { name: 'sso', defaultRole: 'agent' },
    });
    expect((await update(issuer, { name: 'late' })).userErrors).toMatchObject([
      { path: ['version'], code: 'VERSION_CONFLICT' },
    ]);

    const read = await replica.post<{
      issuer: IssuerNode;
      organization: { issuers: { nodes: IssuerNode[] } };
    }>(
      `query($organizationId: ID!, $id: ID!) {
         issuer(organizationId: $organizationId, id: $id) { ${fields} }
         organization(id: $organizationId) { issuers(first: 10) { nodes { ${fields} } } } }`,
      { organizationId, id: issuer.id },
      token,
    );
    expect(dataOf(read).issuer).toEqual(renamed);
    expect(dataOf(read).organization.issuers.nodes).toEqual([renamed]);

    await remove(renamed);
    expect((await lastAudit('issuer.delete'))?.details).toMatchObject({ before: { name: 'sso' } });
  });

  test('a client secret is sealed in the database', async () => {
    const issuer = saved(
      await create({ name: 'sealed', issuerUrl: provider.issuerUrl, clientSecret: 'very secret' }),
    );
    const [row] = await harness.store.withSystem((em) =>
      em.execute<{ text: string }[]>(`select i::text as text from issuers i where id = ?`, [
        issuer.id,
      ]),
    );
    expect(row?.text).not.toContain('very secret');
    expect(row?.text).not.toContain(Buffer.from('very secret').toString('hex'));
    await remove(issuer);
  });

  test.each([
    ['no https', { issuerUrl: 'http://idp.example.com' }, ['issuerUrl'], 'INVALID_FORMAT'],
    ['no URL', { issuerUrl: 'idp' }, ['issuerUrl'], 'INVALID_FORMAT'],
    ['a query', { issuerUrl: 'https://idp.example.com/?a=b' }, ['issuerUrl'], 'INVALID_FORMAT'],
    ['a user', { issuerUrl: 'https://me@idp.example.com' }, ['issuerUrl'], 'INVALID_FORMAT'],
    ['HS256', { algorithms: ['RS256', 'HS256'] }, ['algorithms', '1'], 'INVALID_FORMAT'],
    ['none', { algorithms: ['none'] }, ['algorithms', '0'], 'INVALID_FORMAT'],
    ['no algorithm', { algorithms: [] }, ['algorithms'], 'REQUIRED'],
    ['log-in without a client', { loginEnabled: true }, ['clientId'], 'REQUIRED'],
    [
      'a strange redirect',
      { redirectUrls: ['javascript:alert(1)'] },
      ['redirectUrls', '0'],
      'INVALID_FORMAT',
    ],
    [
      'a plain redirect',
      { redirectUrls: ['http://app.example.com/cb'] },
      ['redirectUrls', '0'],
      'INVALID_FORMAT',
    ],
    ['no openid', { loginScopes: ['email'] }, ['loginScopes'], 'REQUIRED'],
    [
      'a mapping without a claim',
      { roleMappings: [{ value: 'a', role: 'agent' }] },
      ['roleClaim'],
      'REQUIRED',
    ],
    [
      'a mapping to owner',
      { roleClaim: ['g'], roleMappings: [{ value: 'a', role: 'owner' }] },
      ['roleMappings', '0', 'role'],
      'NOT_FOUND',
    ],
    [
      'a mapping to nothing',
      { roleClaim: ['g'], roleMappings: [{ value: 'a', role: 'wizard' }] },
      ['roleMappings', '0', 'role'],
      'NOT_FOUND',
    ],
    ['owner for all', { defaultRole: 'owner' }, ['defaultRole'], 'NOT_FOUND'],
    ['a name', { name: 'No Slug' }, ['name'], 'INVALID_FORMAT'],
  ])('%s is refused', async (_what, input, path, code) => {
    const { issuer, userErrors } = await create({
      name: 'wrong',
      issuerUrl: 'https://idp.example.com',
      ...input,
    });
    expect(issuer).toBeNull();
    expect(userErrors).toContainEqual({ path, code });
  });

  test('private addresses need the platform’s permission', async () => {
    const strict = await harness.replica({ settings: { privateIssuersAllowed: false } });
    const reply = await strict.post<{ createIssuer: IssuerPayload }>(
      `mutation($input: CreateIssuerInput!) { createIssuer(input: $input) {
         issuer { id } userErrors { path code } } }`,
      { input: { organizationId, name: 'inside', issuerUrl: 'https://169.254.169.254' } },
      token,
    );
    expect(dataOf(reply).createIssuer).toEqual({
      issuer: null,
      userErrors: [{ path: ['issuerUrl'], code: 'ADDRESS_NOT_ALLOWED' }],
    });
  });

  test('a refresh fetches keys, tells nodes of other ones in a revision, and of the same ones in none', async () => {
    const issuer = saved(await create({ name: 'fresh', issuerUrl: provider.issuerUrl }));
    const before = await revision();
    const fetched = saved(await refresh(issuer));
    expect(fetched.keys).toEqual([{ keyId: 'key-1', keyType: 'EC' }]);
    expect(fetched).toMatchObject({ fetchError: null, version: issuer.version });
    expect(await revision()).toBe(before + 1);
    expect((await lastAudit('issuer.keys_update'))?.details).toMatchObject({
      before: { keyIds: [] },
      after: { keyIds: ['key-1'] },
    });

    await letCooldownPass(issuer.id);
    await refresh(issuer);
    expect(await revision()).toBe(before + 1);

    await provider.publishKey();
    const asked = provider.requests.length;
    await refresh(issuer);
    // Asked again within two seconds it is left alone.
    expect(provider.requests.length).toBe(asked);
    await letCooldownPass(issuer.id);
    expect(saved(await refresh(issuer)).keys).toHaveLength(2);
    expect(await revision()).toBe(before + 2);
    await remove(saved(await update(issuer, {})));
  });

  test('when an issuer fails, its last good keys stay and the error shows', async () => {
    const issuer = saved(await create({ name: 'broken', issuerUrl: provider.issuerUrl }));
    const fetched = saved(await refresh(issuer));
    provider.outage = 500;
    try {
      await letCooldownPass(issuer.id);
      const failed = saved(await refresh(issuer));
      expect(failed.keys).toEqual(fetched.keys);
      expect(failed.fetchError).toBe('The issuer failed: its metadata is answered by status 500.');
    } finally {
      provider.outage = undefined;
    }
    await letCooldownPass(issuer.id);
    expect(saved(await refresh(issuer)).fetchError).toBeNull();
    await remove(saved(await update(issuer, {})));
  });

  test('another URL is another issuer: what was fetched is forgotten', async () => {
    const issuer = saved(await create({ name: 'moving', issuerUrl: provider.issuerUrl }));
    expect(saved(await refresh(issuer)).keys).not.toEqual([]);
    const moved = saved(await update(issuer, { issuerUrl: 'https://idp.example.com' }));
    expect(moved).toMatchObject({ keys: [], fetchedAt: null });
    await remove(moved);
  });

  test('who may not read issuers sees none', async () => {
    const reply = await replica.post(
      `query($organizationId: ID!) { organization(id: $organizationId) { issuers { nodes { id } } } }`,
      { organizationId },
    );
    expect(reply.errors[0]?.extensions.code).toBe('UNAUTHENTICATED');
  });
});
