import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  dataOf,
  type GraphqlHarness,
  logIn,
  openHarness,
  operatorEmail,
  password,
  type Replica,
} from './graphql-harness.ts';

interface UserError {
  readonly path: readonly string[];
  readonly code: string;
}
type Payload<Fields> = Fields & { readonly userErrors: readonly UserError[] };
interface Organization {
  readonly id: string;
  readonly slug: string;
  readonly version: number;
}

const createOrganization =
  'mutation($input: CreateOrganizationInput!) { createOrganization(input: $input) { organization { id slug version } userErrors { path code } } }';
const createServer =
  'mutation($input: CreateServerInput!) { createServer(input: $input) { server { id slug version endpoints { id url weight } credential { header } } revision userErrors { path code } } }';
const updateServer =
  'mutation($input: UpdateServerInput!) { updateServer(input: $input) { server { id name version endpoints { id url weight } credential { header } } userErrors { path code } } }';

interface Server {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly version: number;
  readonly endpoints: readonly { id: string; url: string; weight: number }[];
  readonly credential: { readonly header: string } | null;
}

let harness: GraphqlHarness;
let replica: Replica;
let token: string;
let demo: string;

beforeAll(async () => {
  harness = await openHarness();
  replica = await harness.replica();
  token = await logIn(replica, operatorEmail);
  demo = harness.platform.organization.id;
});

afterAll(() => harness.close());

async function createUser(email: string): Promise<void> {
  const created = await replica.post<{ createUser: Payload<{ user: { id: string } }> }>(
    'mutation($input: CreateUserInput!) { createUser(input: $input) { user { id } userErrors { path code } } }',
    { input: { email, displayName: email, password } },
    token,
  );
  expect(dataOf(created).createUser.userErrors).toEqual([]);
}

async function newMember(email: string, organizationId: string, role: string): Promise<string> {
  await createUser(email);
  const added = await replica.post<{ addMember: Payload<object> }>(
    'mutation($input: AddMemberInput!) { addMember(input: $input) { userErrors { path code } } }',
    { input: { organizationId, email, role } },
    token,
  );
  expect(dataOf(added).addMember.userErrors).toEqual([]);
  return logIn(replica, email);
}

async function newOrganization(slug: string): Promise<Organization> {
  const reply = await replica.post<{
    createOrganization: Payload<{ organization: Organization }>;
  }>(createOrganization, { input: { slug, name: slug } }, token);
  return dataOf(reply).createOrganization.organization;
}

async function newServer(organizationId: string, slug: string): Promise<Server> {
  const input = { organizationId, slug, name: slug, endpoints: [{ url: 'http://10.0.0.1/mcp' }] };
  const reply = await replica.post<{ createServer: Payload<{ server: Server }> }>(
    createServer,
    { input },
    token,
  );
  return dataOf(reply).createServer.server;
}

describe('logging in', () => {
  test('answers with a token that names the caller', async () => {
    const reply = await replica.post<{
      viewer: { user: { email: string; platformRole: string }; memberships: unknown[] };
    }>('{ viewer { user { email platformRole } memberships { organizationId role } } }', {}, token);
    expect(dataOf(reply).viewer).toEqual({
      user: { email: operatorEmail, platformRole: 'OPERATOR' },
      memberships: [{ organizationId: demo, role: 'OWNER' }],
    });
  });

  test.each([
    [operatorEmail, 'wrong password 1'],
    ['nobody@example.com', password],
  ])('refuses %s with %s in the same words', async (email, secret) => {
    const reply = await replica.post(
      'mutation($email: String!, $secret: String!) { login(email: $email, password: $secret) { accessToken } }',
      { email, secret },
    );
    expect(reply.errors.map(({ message, extensions }) => [message, extensions.code])).toEqual([
      ['The e-mail address or the password is wrong.', 'LOGIN_FAILED'],
    ]);
  });

  test('stops after repeated failures, also with the right password', async () => {
    const limited = await harness.replica({ bounds: { accountFailuresMax: 2 } });
    const email = 'guessed@example.com';
    await createUser(email);
    const attempt = (secret: string) =>
      limited.post(`mutation { login(email: "${email}", password: "${secret}") { accessToken } }`);
    for (const secret of ['wrong password 1', 'wrong password 2']) {
      expect((await attempt(secret)).errors[0]?.extensions.code).toBe('LOGIN_FAILED');
    }
    expect((await attempt(password)).errors[0]?.extensions.code).toBe('TOO_MANY_ATTEMPTS');
    harness.clock.nowMs += 2000;
    expect((await attempt(password)).errors).toEqual([]);
  });

  test('a token of one replica is good at another, until it ends', async () => {
    const other = await harness.replica();
    const query = '{ viewer { user { email } } }';
    expect((await other.post(query, {}, token)).errors).toEqual([]);
    const before = harness.clock.nowMs;
    harness.clock.nowMs += 16 * 60 * 1000;
    const late = await other.post(query, {}, token);
    harness.clock.nowMs = before;
    expect(late.errors[0]?.extensions.code).toBe('TOKEN_EXPIRED');
    const forged = await other.post(query, {}, `${token.slice(0, -4)}AAAA`);
    expect(forged.errors[0]?.extensions.code).toBe('UNAUTHENTICATED');
    expect((await other.post(query)).errors[0]?.extensions.code).toBe('UNAUTHENTICATED');
  });

  test('a disabled account is shut out at once', async () => {
    const memberToken = await newMember('leaver@example.com', demo, 'DEVELOPER');
    const query = '{ viewer { user { id version } } }';
    const { viewer } = dataOf(
      await replica.post<{ viewer: { user: { id: string; version: number } } }>(
        query,
        {},
        memberToken,
      ),
    );
    await replica.post(
      'mutation($input: UpdateUserInput!) { updateUser(input: $input) { userErrors { code } } }',
      { input: { ...viewer.user, disabled: true } },
      token,
    );
    const after = await replica.post(query, {}, memberToken);
    expect(after.errors[0]?.extensions.code).toBe('UNAUTHENTICATED');
  });
});

describe('servers', () => {
  test('are created with endpoints and a credential whose value never comes back', async () => {
    const value = 'Bearer very-secret-value';
    const reply = await replica.post<{
      createServer: Payload<{ server: Server; revision: number }>;
    }>(
      createServer,
      {
        input: {
          organizationId: demo,
          slug: 'everything',
          name: 'Everything',
          endpoints: [{ url: 'http://10.0.0.1/mcp', weight: 3 }],
          credential: { header: 'Authorization', value },
        },
      },
      token,
    );
    const { server, revision, userErrors } = dataOf(reply).createServer;
    expect(userErrors).toEqual([]);
    expect(server).toMatchObject({
      slug: 'everything',
      version: 1,
      endpoints: [{ url: 'http://10.0.0.1/mcp', weight: 3 }],
      credential: { header: 'authorization' },
    });
    expect(revision).toBeGreaterThan(0);
    expect(reply.text).not.toContain('very-secret');
    const client = await harness.database.connect('owner');
    const { rows } = await client.query(
      'select encode(ciphertext, $1) as sealed from upstream_secrets',
      ['escape'],
    );
    expect(rows).toHaveLength(1);
    expect(JSON.stringify(rows)).not.toContain('very-secret');
  });

  test('answer everything that is wrong at once, by path and code', async () => {
    const reply = await replica.post<{ createServer: Payload<object> }>(
      createServer,
      {
        input: {
          organizationId: demo,
          slug: 'Not A Slug',
          name: '',
          endpoints: [{ url: 'ftp://example.com', weight: 0 }],
          credential: { header: 'content-length', value: 'a\nb' },
          connectTimeoutMs: 1,
        },
      },
      token,
    );
    expect(
      dataOf(reply).createServer.userErrors.map(({ path, code }) => [path.join('.'), code]),
    ).toEqual([
      ['slug', 'INVALID_FORMAT'],
      ['name', 'REQUIRED'],
      ['endpoints.0.url', 'INVALID_FORMAT'],
      ['endpoints.0.weight', 'OUT_OF_RANGE'],
      ['connectTimeoutMs', 'OUT_OF_RANGE'],
      ['credential.header', 'NOT_ALLOWED'],
      ['credential.value', 'INVALID_FORMAT'],
    ]);
  });

  test('refuse a slug that is taken and a version that is past', async () => {
    const server = await newServer(demo, 'twice');
    const again = await replica.post<{ createServer: Payload<object> }>(
      createServer,
      {
        input: {
          organizationId: demo,
          slug: 'twice',
          name: 'x',
          endpoints: [{ url: 'http://10.0.0.1/' }],
        },
      },
      token,
    );
    expect(dataOf(again).createServer.userErrors).toEqual([{ path: ['slug'], code: 'TAKEN' }]);
    const update = (version: number) =>
      replica.post<{ updateServer: Payload<{ server: Server }> }>(
        updateServer,
        { input: { organizationId: demo, id: server.id, version, name: 'New name' } },
        token,
      );
    const first = dataOf(await update(1)).updateServer;
    expect(first.server).toMatchObject({ name: 'New name', version: 2 });
    const stale = dataOf(await update(1)).updateServer;
    expect(stale.userErrors).toEqual([{ path: ['version'], code: 'VERSION_CONFLICT' }]);
  });

  test('keep an endpoint’s id while its URL stays, and count that change as a version', async () => {
    const server = await newServer(demo, 'moving');
    const [kept] = server.endpoints;
    const reply = await replica.post<{ updateServer: Payload<{ server: Server }> }>(
      updateServer,
      {
        input: {
          organizationId: demo,
          id: server.id,
          version: server.version,
          endpoints: [{ url: 'http://10.0.0.1/mcp', weight: 7 }, { url: 'http://10.0.0.2/mcp' }],
          credential: { value: 'Bearer x' },
        },
      },
      token,
    );
    const updated = dataOf(reply).updateServer;
    expect(updated.userErrors).toEqual([]);
    expect(updated.server.version).toBe(2);
    expect(updated.server.endpoints).toHaveLength(2);
    expect(updated.server.endpoints).toContainEqual({
      id: kept?.id,
      url: 'http://10.0.0.1/mcp',
      weight: 7,
    });
    const cleared = await replica.post<{ updateServer: Payload<{ server: Server }> }>(
      updateServer,
      { input: { organizationId: demo, id: server.id, version: 2, credential: null } },
      token,
    );
    expect(dataOf(cleared).updateServer.server).toMatchObject({ credential: null, version: 3 });
  });

  test('are deleted with endpoints and secrets', async () => {
    const server = await newServer(demo, 'short-lived');
    const reply = await replica.post<{ deleteServer: Payload<{ deletedId: string }> }>(
      'mutation($input: DeleteInOrganizationInput!) { deleteServer(input: $input) { deletedId userErrors { code } } }',
      { input: { organizationId: demo, id: server.id, version: server.version } },
      token,
    );
    expect(dataOf(reply).deleteServer).toEqual({ deletedId: server.id, userErrors: [] });
    const client = await harness.database.connect('owner');
    const { rows } = await client.query('select from mcp_endpoints where server_id = $1', [
      server.id,
    ]);
    expect(rows).toEqual([]);
  });

  test('special addresses need the platform’s permission', async () => {
    const strict = await harness.replica({ settings: { privateUpstreamsAllowed: false } });
    const input = {
      organizationId: demo,
      slug: 'inside',
      name: 'Inside',
      endpoints: [{ url: 'http://169.254.169.254/latest' }, { url: 'https://mcp.example.com/' }],
    };
    const reply = await strict.post<{ createServer: Payload<object> }>(
      createServer,
      { input },
      token,
    );
    expect(dataOf(reply).createServer.userErrors).toEqual([
      { path: ['endpoints', '0', 'url'], code: 'ADDRESS_NOT_ALLOWED' },
    ]);
  });
});

describe('pages', () => {
  test('go forward and backward by cursor without gaps', async () => {
    const { id } = await newOrganization('paged');
    for (const slug of ['a', 'b', 'c', 'd', 'e']) await newServer(id, slug);
    interface Page {
      organization: {
        servers: {
          nodes: { slug: string }[];
          pageInfo: {
            hasNextPage: boolean;
            hasPreviousPage: boolean;
            startCursor: string;
            endCursor: string;
          };
        };
      };
    }
    const page = async (args: string) =>
      dataOf(
        await replica.post<Page>(
          `{ organization(id: "${id}") { servers(${args}) { nodes { slug } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }`,
          {},
          token,
        ),
      ).organization.servers;
    const slugs = ({ nodes }: { nodes: { slug: string }[] }) =>
      nodes.map(({ slug }) => slug).join('');
    const first = await page('first: 2');
    expect([slugs(first), first.pageInfo.hasNextPage, first.pageInfo.hasPreviousPage]).toEqual([
      'ab',
      true,
      false,
    ]);
    const second = await page(`first: 3, after: "${first.pageInfo.endCursor}"`);
    expect([slugs(second), second.pageInfo.hasNextPage]).toEqual(['cde', false]);
    const before = await page(`last: 2, before: "${second.pageInfo.startCursor}"`);
    expect(slugs(before)).toBe('ab');
    expect(slugs(await page('last: 2'))).toBe('de');
    expect(slugs(await page('first: 10, filter: { search: "C" }'))).toBe('c');
  });

  test.each([['first: 101'], ['first: -1'], ['first: 1, last: 1'], ['after: "nonsense"']])(
    'refuse %s',
    async (args) => {
      const reply = await replica.post(`{ organizations(${args}) { nodes { id } } }`, {}, token);
      expect(reply.errors[0]?.extensions.code).toBe('BAD_USER_INPUT');
    },
  );
});

describe('organizations are invisible to each other', () => {
  test('a stranger gets for a foreign id what an absent id gets', async () => {
    const foreign = await newOrganization('foreign');
    const server = await newServer(foreign.id, 'hidden');
    const own = await newOrganization('own');
    const member = await newMember('member@example.com', own.id, 'OWNER');
    const absent = '01900000-0000-7000-8000-000000000000';
    const ask = async (organizationId: string, id: string) => {
      const reads = await replica.post(
        `{ organization(id: "${organizationId}") { id }
           server(organizationId: "${organizationId}", id: "${id}") { id }
           apiKey(organizationId: "${organizationId}", id: "${id}") { id } }`,
        {},
        member,
      );
      const write = await replica.post(
        updateServer,
        { input: { organizationId, id, version: 1, name: 'mine' } },
        member,
      );
      return [reads.data, reads.errors, write.data, write.errors];
    };
    const answer = await ask(foreign.id, server.id);
    expect(answer).toEqual(await ask(absent, absent));
    expect(answer[0]).toEqual({ organization: null, server: null, apiKey: null });
    expect(JSON.stringify(answer[3])).toContain('NOT_FOUND');
    // A foreign id under the own organization is as absent.
    const mixed = await replica.post(
      `{ server(organizationId: "${own.id}", id: "${server.id}") { id } }`,
      {},
      member,
    );
    expect(mixed.data).toEqual({ server: null });
    const listed = await replica.post<{ organizations: { nodes: { slug: string }[] } }>(
      '{ organizations { nodes { slug } } }',
      {},
      member,
    );
    expect(dataOf(listed).organizations.nodes).toEqual([{ slug: 'own' }]);
  });

  test('row-level security holds a service that is given the wrong organization', async () => {
    const foreign = await newOrganization('foreign-too');
    const server = await newServer(foreign.id, 'hidden');
    const { findServers } = await import('../../control-plane/registry/servers.ts');
    expect(await findServers(harness.store, demo, [server.id])).toEqual([]);
    const rows = await harness.store.withOrganization(demo, (em) =>
      em.execute('select id from mcp_servers where id = ?', [server.id]),
    );
    expect(rows).toEqual([]);
  });
});

describe('members and keys', () => {
  const createApiKey =
    'mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { key apiKey { id keyId subject scopes version } userErrors { path code } } }';
  interface CreatedKey {
    createApiKey: Payload<{
      key: string;
      apiKey: { id: string; keyId: string; subject: string; scopes: string[]; version: number };
    }>;
  }

  async function newServiceAccount(
    organizationId: string,
    name: string,
    role: string,
  ): Promise<string> {
    const reply = await replica.post<{
      createServiceAccount: Payload<{ serviceAccount: { id: string } }>;
    }>(
      'mutation($input: CreateServiceAccountInput!) { createServiceAccount(input: $input) { serviceAccount { id } userErrors { path code } } }',
      { input: { organizationId, name, role } },
      token,
    );
    return dataOf(reply).createServiceAccount.serviceAccount.id;
  }

  test('a key is shown once and only its hash is stored', async () => {
    const serviceAccountId = await newServiceAccount(demo, 'agent-one', 'AGENT');
    const reply = await replica.post<CreatedKey>(
      createApiKey,
      { input: { organizationId: demo, label: 'agent', serviceAccountId } },
      token,
    );
    const { key, apiKey } = dataOf(reply).createApiKey;
    expect(key).toMatch(/^mcpgw_/);
    expect(key).toContain(apiKey.keyId);
    expect(apiKey).toMatchObject({ scopes: ['mcp:*'], version: 1 });
    expect(apiKey.subject).toBe(`service:${serviceAccountId}`);
    const client = await harness.database.connect('owner');
    const { rows } = await client.query('select * from api_keys where id = $1', [apiKey.id]);
    expect(JSON.stringify(rows)).not.toContain(key.slice(20));
  });

  test('nobody gives more than they have', async () => {
    const developer = await newMember('developer@example.com', demo, 'DEVELOPER');
    const serviceAccountId = await newServiceAccount(demo, 'big', 'OWNER');
    const reply = await replica.post<CreatedKey>(
      createApiKey,
      { input: { organizationId: demo, label: 'big', serviceAccountId } },
      developer,
    );
    expect(dataOf(reply).createApiKey.userErrors).toEqual([
      { path: ['serviceAccountId'], code: 'NOT_ALLOWED' },
    ]);
    const denied = await replica.post(
      'mutation($input: AddMemberInput!) { addMember(input: $input) { userErrors { code } } }',
      { input: { organizationId: demo, email: 'x@example.com', role: 'AGENT' } },
      developer,
    );
    expect(denied.errors[0]?.extensions.code).toBe('FORBIDDEN');
  });

  test('the last owner stays, and a removed member’s keys end', async () => {
    const organization = await newOrganization('leaving');
    const { operator } = harness.platform;
    const remove = (userId: string) =>
      replica.post<{ removeMember: Payload<object> }>(
        'mutation($input: RemoveMemberInput!) { removeMember(input: $input) { userErrors { path code } } }',
        { input: { organizationId: organization.id, userId, version: 1 } },
        token,
      );
    expect(dataOf(await remove(operator.id)).removeMember.userErrors).toEqual([
      { path: ['userId'], code: 'LAST_OWNER' },
    ]);
    const member = await newMember('second@example.com', organization.id, 'ADMIN');
    const { viewer } = dataOf(
      await replica.post<{ viewer: { user: { id: string } } }>(
        '{ viewer { user { id } } }',
        {},
        member,
      ),
    );
    const key = await replica.post<CreatedKey>(
      createApiKey,
      { input: { organizationId: organization.id, label: 'mine', userId: viewer.user.id } },
      member,
    );
    expect(dataOf(key).createApiKey.userErrors).toEqual([]);
    expect(dataOf(await remove(viewer.user.id)).removeMember.userErrors).toEqual([]);
    const client = await harness.database.connect('owner');
    const { rows } = await client.query(
      `select c.entries from config_changes c join audit_logs a using (revision)
       where a.action = 'member.remove'`,
    );
    const { apiKey } = dataOf(key).createApiKey;
    expect(rows).toEqual([
      {
        entries: [
          { kind: 'membership', id: viewer.user.id },
          { kind: 'api_key', id: apiKey.id },
          { kind: 'revocation', id: expect.any(String) },
        ],
      },
    ]);
  });

  test('an organization is deleted with everything in it; its audit trail stays', async () => {
    const organization = await newOrganization('ending');
    await newServer(organization.id, 'one');
    const serviceAccountId = await newServiceAccount(organization.id, 'agent', 'AGENT');
    const key = await replica.post<CreatedKey>(
      createApiKey,
      { input: { organizationId: organization.id, label: 'agent', serviceAccountId } },
      token,
    );
    expect(dataOf(key).createApiKey.userErrors).toEqual([]);
    const remove = (confirmSlug: string) =>
      replica.post<{ deleteOrganization: Payload<object> }>(
        'mutation($input: DeleteOrganizationInput!) { deleteOrganization(input: $input) { userErrors { path code } } }',
        { input: { organizationId: organization.id, version: 1, confirmSlug } },
        token,
      );
    expect(dataOf(await remove('other')).deleteOrganization.userErrors).toHaveLength(1);
    expect(dataOf(await remove('ending')).deleteOrganization.userErrors).toEqual([]);
    const client = await harness.database.connect('owner');
    const { rows } = await client.query(
      `select (select count(*)::int from mcp_servers where organization_id = $1) as servers,
         (select count(*)::int from api_keys where organization_id = $1) as keys,
         (select count(*)::int from audit_logs where organization_id = $1) as entries`,
      [organization.id],
    );
    expect(rows).toEqual([{ servers: 0, keys: 0, entries: 5 }]);
  });
});

describe('node groups and tokens', () => {
  test('are made, used and ended', async () => {
    const group = await replica.post<{
      createNodeGroup: Payload<{ nodeGroup: { id: string; version: number } }>;
    }>(
      'mutation($input: CreateNodeGroupInput!) { createNodeGroup(input: $input) { nodeGroup { id version organizationIds } userErrors { path code } } }',
      { input: { name: 'edge', organizationIds: [demo] } },
      token,
    );
    const { nodeGroup } = dataOf(group).createNodeGroup;
    expect(nodeGroup).toMatchObject({ version: 1, organizationIds: [demo] });
    const created = await replica.post<{
      createNodeToken: Payload<{ token: string; nodeToken: { id: string; version: number } }>;
    }>(
      'mutation($input: CreateNodeTokenInput!) { createNodeToken(input: $input) { token nodeToken { id version } userErrors { path code } } }',
      { input: { nodeGroupId: nodeGroup.id, name: 'edge-1' } },
      token,
    );
    const { nodeToken, token: text } = dataOf(created).createNodeToken;
    expect(text).toMatch(/^mcpgwn_/);
    const remove = () =>
      replica.post<{ deleteNodeGroup: Payload<object> }>(
        'mutation($input: DeleteOnPlatformInput!) { deleteNodeGroup(input: $input) { userErrors { path code } } }',
        { input: { id: nodeGroup.id, version: 1 } },
        token,
      );
    expect(dataOf(await remove()).deleteNodeGroup.userErrors).toEqual([
      { path: ['id'], code: 'IN_USE' },
    ]);
    const revoked = await replica.post<{
      revokeNodeToken: Payload<{ nodeToken: { revokedAt: string } }>;
    }>(
      'mutation($input: DeleteOnPlatformInput!) { revokeNodeToken(input: $input) { nodeToken { revokedAt } userErrors { code } } }',
      { input: nodeToken },
      token,
    );
    expect(dataOf(revoked).revokeNodeToken.nodeToken.revokedAt).toBeTruthy();
    expect(dataOf(await remove()).deleteNodeGroup.userErrors).toEqual([]);
  });

  test('nodes and rollouts say how far each follows', async () => {
    const client = await harness.database.connect('owner');
    await client.query(
      `insert into nodes (id, node_group_id, name, connected, applied_revision, received_revision)
       select '01900000-0000-7000-8000-00000000000a', id, 'n1', true, 1, 2 from node_groups where name = 'default'`,
    );
    const reply = await replica.post<{
      nodes: { nodes: { name: string; lagRevisions: number; lagMs: number }[] };
      rollout: { revision: number; nodesApplied: number };
    }>(
      '{ nodes(filter: { connected: true }) { nodes { name lagRevisions lagMs conditions { type } } } rollout(revision: 1) { revision nodesApplied groups { nodeGroupId } } }',
      {},
      token,
    );
    const { nodes, rollout } = dataOf(reply);
    expect(nodes.nodes).toHaveLength(1);
    expect(nodes.nodes[0]?.lagRevisions).toBeGreaterThan(0);
    expect(rollout).toMatchObject({ revision: 1, nodesApplied: 0 });
  });
});

describe('the audit trail', () => {
  test('shows who did what, newest first, to those who may read it', async () => {
    await newServer(demo, 'audited');
    const reply = await replica.post<{
      organization: { auditEntries: { nodes: { action: string; actorLabel: string }[] } };
    }>(
      '{ organization(slug: "demo") { auditEntries(first: 1) { nodes { action actorLabel details hash } } } }',
      {},
      token,
    );
    expect(dataOf(reply).organization.auditEntries.nodes[0]).toMatchObject({
      action: 'server.create',
      actorLabel: operatorEmail,
    });
  });
});
