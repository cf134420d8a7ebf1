import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type RoleAnswer, Tenant, unique } from './automation-api.ts';
import { type GraphqlHarness, openHarness, type Replica } from './graphql-harness.ts';

let harness: GraphqlHarness;
let replica: Replica;
let tenant: Tenant;

beforeAll(async () => {
  harness = await openHarness();
  replica = await harness.replica();
  tenant = await Tenant.create(harness, replica);
});

afterAll(() => harness.close());

const servers = 'query($id: ID!) { organization(id: $id) { servers { nodes { slug } } } }';
const members =
  'query($id: ID!) { organization(id: $id) { members(first: 50) { nodes { userId role roleName customRoleId version } } } }';

interface ShownMember {
  readonly userId: string;
  readonly role: string | null;
  readonly roleName: string;
  readonly customRoleId: string | null;
  readonly version: number;
}

async function memberOf(userId: string): Promise<ShownMember> {
  const { organization } = await tenant.owner.query<{
    organization: { members: { nodes: ShownMember[] } };
  }>(members, { id: tenant.id });
  const member = organization.members.nodes.find((candidate) => candidate.userId === userId);
  if (member === undefined) throw new Error('no such member');
  return member;
}

function refused(name: string, input: object, caller = tenant.owner) {
  return caller.errorsOf(name, { organizationId: tenant.id, ...input });
}

describe('a custom role', () => {
  test('is made, listed, changed and deleted', async () => {
    const role = await tenant.role(['SERVERS_READ', 'SERVERS_WRITE']);
    const list =
      'query($id: ID!, $role: ID!) { organization(id: $id) { customRoles { nodes { id permissions } } } customRole(organizationId: $id, id: $role) { name } }';
    const shown = await tenant.owner.query(list, { id: tenant.id, role: role.id });
    expect(shown).toMatchObject({
      organization: {
        customRoles: { nodes: [{ id: role.id, permissions: ['SERVERS_READ', 'SERVERS_WRITE'] }] },
      },
      customRole: { name: role.name },
    });
    const change = { id: role.id, version: role.version, permissions: ['SERVERS_READ'] };
    expect(await refused('updateCustomRole', change)).toEqual([]);
    expect(await refused('updateCustomRole', change)).toEqual(['version VERSION_CONFLICT']);
    expect(await refused('deleteCustomRole', { id: role.id, version: 2 })).toEqual([]);
    expect(await refused('deleteCustomRole', { id: role.id, version: 2 })).toEqual([
      'id NOT_FOUND',
    ]);
  });

  test('allows what it says and nothing else, from the holder’s next request on', async () => {
    const role = await tenant.role(['SERVERS_READ']);
    const { caller } = await tenant.member({ customRoleId: role.id });
    expect(await caller.refusal(servers, { id: tenant.id })).toBeUndefined();
    expect(await caller.refusal(members, { id: tenant.id })).toBe('FORBIDDEN');
    const change = { id: role.id, version: 1, permissions: ['MEMBERS_READ'] };
    expect(await refused('updateCustomRole', change)).toEqual([]);
    expect(await caller.refusal(servers, { id: tenant.id })).toBe('FORBIDDEN');
    expect(await caller.refusal(members, { id: tenant.id })).toBeUndefined();
  });

  test('shows the caller what it allows', async () => {
    const role = await tenant.role(['SERVERS_READ']);
    const { caller } = await tenant.member({ customRoleId: role.id });
    const { viewer } = await caller.query<{ viewer: object }>(
      '{ viewer { memberships { organizationId role roleName customRoleId permissions } } }',
    );
    expect(viewer).toEqual({
      memberships: [
        {
          ...{ organizationId: tenant.id, role: null, roleName: role.name, customRoleId: role.id },
          permissions: ['SERVERS_READ'],
        },
      ],
    });
  });

  test('is not deleted while a member or an account has it', async () => {
    const held = await tenant.role(['SERVERS_READ']);
    const { userId } = await tenant.member({ customRoleId: held.id });
    const deletion = { id: held.id, version: 1 };
    expect(await refused('deleteCustomRole', deletion)).toEqual(['id IN_USE']);
    const { version } = await memberOf(userId);
    expect(await refused('updateMember', { userId, version, role: 'AGENT' })).toEqual([]);
    const account = await tenant.account({ customRoleId: held.id });
    expect(await refused('deleteCustomRole', deletion)).toEqual(['id IN_USE']);
    const ended = { id: account.id, version: account.version };
    expect(await refused('deleteServiceAccount', ended)).toEqual([]);
    expect(await refused('deleteCustomRole', deletion)).toEqual([]);
  });

  test.each([
    ['a built-in role’s name', { name: 'owner' }, 'name TAKEN'],
    ['a name that is no slug', { name: 'Not A Slug' }, 'name INVALID_FORMAT'],
    ['no permission', { permissions: [] }, 'permissions REQUIRED'],
    [
      'a permission twice',
      { permissions: ['SERVERS_READ', 'SERVERS_READ'] },
      'permissions.1 DUPLICATE',
    ],
    ['a long description', { description: 'x'.repeat(1001) }, 'description TOO_LONG'],
  ])('is refused with %s', async (_what, input, error) => {
    const fields = { name: unique('role'), permissions: ['SERVERS_READ'], ...input };
    expect(await refused('createCustomRole', fields)).toEqual([error]);
  });

  test('keeps its name, and stays, while an issuer gives it: issuers name roles by their names', async () => {
    const role = await tenant.role(['SERVERS_READ']);
    const input = {
      ...{ organizationId: tenant.id, name: unique('idp'), issuerUrl: 'https://idp.example.com' },
      ...{ algorithms: ['RS256'], roleClaim: ['groups'] },
      roleMappings: [{ value: 'operations', role: role.name }],
    };
    await tenant.owner.query(
      'mutation($input: CreateIssuerInput!) { createIssuer(input: $input) { issuer { id } } }',
      { input },
    );
    const change = { id: role.id, version: 1 };
    const renamed = { ...change, name: unique('renamed') };
    expect(await refused('updateCustomRole', renamed)).toEqual(['name IN_USE']);
    expect(await refused('deleteCustomRole', change)).toEqual(['id IN_USE']);
    const wider = { ...change, name: role.name, permissions: ['SERVERS_READ', 'AUDIT_READ'] };
    expect(await refused('updateCustomRole', wider)).toEqual([]);
  });

  test('has a name that no other role of the organization has', async () => {
    const { name } = await tenant.role(['SERVERS_READ']);
    const same = { name, permissions: ['SERVERS_READ'] };
    expect(await refused('createCustomRole', same)).toEqual(['name TAKEN']);
  });

  test('of another organization is as good as none', async () => {
    const other = await Tenant.create(harness, replica);
    const theirs = await other.role(['SERVERS_READ']);
    const named = { customRoleId: theirs.id };
    expect(await refused('createServiceAccount', { name: unique('account'), ...named })).toEqual([
      'customRoleId NOT_FOUND',
    ]);
    const { userId } = await tenant.member({ role: 'AGENT' });
    expect(await refused('updateMember', { userId, version: 1, ...named })).toEqual([
      'customRoleId NOT_FOUND',
    ]);
    const deletion = { id: theirs.id, version: 1 };
    expect(await refused('deleteCustomRole', deletion)).toEqual(['id NOT_FOUND']);
  });
});

describe('nobody gives, changes or takes away more than they have', () => {
  const managing = ['MEMBERS_READ', 'MEMBERS_WRITE', 'ROLES_READ', 'ROLES_WRITE', 'SERVERS_READ'];

  async function manager() {
    const role = await tenant.role(managing);
    return { ...(await tenant.member({ customRoleId: role.id })), role };
  }

  test('when making a role', async () => {
    const { caller } = await manager();
    const wide = { name: unique('wide'), permissions: ['SERVERS_READ', 'SERVERS_WRITE'] };
    expect(await refused('createCustomRole', wide, caller)).toEqual(['permissions.1 NOT_ALLOWED']);
    const narrow = { name: unique('narrow'), permissions: ['SERVERS_READ'] };
    expect(await refused('createCustomRole', narrow, caller)).toEqual([]);
  });

  test('when editing a role that allows more, whoever has it', async () => {
    const { caller } = await manager();
    const wider = await tenant.role(['SERVERS_READ', 'SERVERS_WRITE']);
    await tenant.member({ customRoleId: wider.id });
    const named = { id: wider.id, version: 1 };
    const narrowed = { ...named, permissions: ['SERVERS_READ'] };
    expect(await refused('updateCustomRole', narrowed, caller)).toEqual(['id NOT_ALLOWED']);
    expect(await refused('updateCustomRole', { ...named, name: 'other' }, caller)).toEqual([
      'id NOT_ALLOWED',
    ]);
    expect(await refused('deleteCustomRole', named, caller)).toEqual(['id NOT_ALLOWED']);
  });

  test('when widening the own role', async () => {
    const { caller, role } = await manager();
    const widened = { id: role.id, version: 1, permissions: [...managing, 'AUDIT_READ'] };
    expect(await refused('updateCustomRole', widened, caller)).toEqual([
      'permissions.5 NOT_ALLOWED',
    ]);
  });

  test.each(['OWNER', 'ADMIN', 'DEVELOPER', 'AUDITOR', 'AGENT'])(
    'when handing out the built-in role %s, which allows more',
    async (role) => {
      const { caller } = await manager();
      const { userId } = await tenant.member({
        customRoleId: (await tenant.role(['SERVERS_READ'])).id,
      });
      const change = { userId, version: 1, role };
      expect(await refused('updateMember', change, caller)).toEqual(['role NOT_ALLOWED']);
    },
  );

  test('when handing out a custom role that allows more', async () => {
    const { caller } = await manager();
    const wider = await tenant.role(['SERVERS_WRITE']);
    const { userId } = await tenant.member({
      customRoleId: (await tenant.role(['SERVERS_READ'])).id,
    });
    const change = { userId, version: 1, customRoleId: wider.id };
    expect(await refused('updateMember', change, caller)).toEqual(['customRoleId NOT_ALLOWED']);
  });

  test('when removing or demoting a member who may do more', async () => {
    const { caller } = await manager();
    const { userId } = await tenant.member({ role: 'DEVELOPER' });
    const narrow = await tenant.role(['SERVERS_READ']);
    const named = { userId, version: 1 };
    expect(await refused('removeMember', named, caller)).toEqual(['userId NOT_ALLOWED']);
    expect(await refused('updateMember', { ...named, customRoleId: narrow.id }, caller)).toEqual([
      'userId NOT_ALLOWED',
    ]);
  });

  test('also with every permission: owners are changed and made by owners alone', async () => {
    const { __type } = await tenant.owner.query<{ __type: { enumValues: { name: string }[] } }>(
      '{ __type(name: "OrganizationPermission") { enumValues { name } } }',
    );
    const everything = await tenant.role(__type.enumValues.map(({ name }) => name));
    const { caller } = await tenant.member({ customRoleId: everything.id });
    const { userId } = await tenant.member({ role: 'OWNER' });
    const named = { userId, version: 1 };
    expect(await refused('removeMember', named, caller)).toEqual(['userId NOT_ALLOWED']);
    expect(await refused('updateMember', { ...named, role: 'AGENT' }, caller)).toEqual([
      'userId NOT_ALLOWED',
    ]);
    const developer = await tenant.member({ role: 'DEVELOPER' });
    const promoted = { userId: developer.userId, version: 1, role: 'OWNER' };
    expect(await refused('updateMember', promoted, caller)).toEqual(['role NOT_ALLOWED']);
    const input = { name: unique('account'), role: 'OWNER' };
    expect(await refused('createServiceAccount', input, caller)).toEqual(['role NOT_ALLOWED']);
    expect(await refused('removeMember', named)).toEqual([]);
  });

  test('the last owner is neither removed nor given another role, built-in or custom', async () => {
    const own = await Tenant.create(harness, replica);
    const { viewer } = await own.owner.query<{ viewer: { user: { id: string } } }>(
      '{ viewer { user { id } } }',
    );
    const role = await own.role(['SERVERS_READ']);
    const named = { organizationId: own.id, userId: viewer.user.id, version: 1 };
    expect(await own.owner.errorsOf('removeMember', named)).toEqual(['userId LAST_OWNER']);
    for (const next of [{ role: 'ADMIN' }, { customRoleId: role.id }]) {
      const errors = await own.owner.errorsOf('updateMember', { ...named, ...next });
      expect(errors).toEqual(['userId LAST_OWNER']);
    }
  });
});

test('a member has a built-in role or a custom one', async () => {
  const role = await tenant.role(['SERVERS_READ']);
  const { userId } = await tenant.member({ role: 'AGENT' });
  const named = { userId, version: 1 };
  expect(await refused('updateMember', named)).toEqual(['role REQUIRED']);
  const both = { ...named, role: 'AGENT', customRoleId: role.id };
  expect(await refused('updateMember', both)).toEqual(['role NOT_ALLOWED']);
  expect(await refused('updateMember', { ...named, customRoleId: role.id })).toEqual([]);
  expect(await memberOf(userId)).toMatchObject({
    ...{ role: null, customRoleId: role.id, roleName: role.name },
  });
});

test('the audit trail says what a role allowed before and after, and who has which role', async () => {
  const role = await tenant.role(['SERVERS_READ']);
  const { userId } = await tenant.member({ role: 'AGENT' });
  await refused('updateMember', { userId, version: 1, customRoleId: role.id });
  const answer = await tenant.owner.mutate<RoleAnswer>('updateCustomRole', {
    ...{ organizationId: tenant.id, id: role.id, version: 1 },
    permissions: ['AUDIT_READ'],
  });
  expect(answer.customRole?.permissions).toEqual(['AUDIT_READ']);
  const client = await harness.database.connect('owner');
  const { rows } = await client.query(
    `select action, details from audit_logs where target_id in ($1, $2)
     and action in ('member.update', 'custom_role.update') order by sequence`,
    [role.id, userId],
  );
  expect(rows).toMatchObject([
    {
      action: 'member.update',
      details: { before: { role: 'agent' }, after: { role: role.name } },
    },
    {
      action: 'custom_role.update',
      details: {
        changed: ['permissions'],
        before: { permissions: ['servers.read'] },
        after: { permissions: ['audit.read'] },
      },
    },
  ]);
});

test('access tokens at the proxy end when what their holder may do changes, and not when a role is only described', async () => {
  const role = await tenant.role(['SERVERS_CALL']);
  const { userId } = await tenant.member({ customRoleId: role.id });
  const client = await harness.database.connect('system');
  await client.query(
    `insert into session_proxy_tokens (session_id, user_id, organization_id, expires_at)
     select id, user_id, $2, now() + interval '10 minutes' from sessions where user_id = $1`,
    [userId, tenant.id],
  );
  const reasons = async () => {
    const { rows } = await client.query<{ reason: string }>(
      'select reason from revocations where subject = $1 order by created_at',
      [`user:${userId}`],
    );
    return rows.map(({ reason }) => reason);
  };
  const described = { id: role.id, version: 1, description: 'For agents.' };
  expect(await refused('updateCustomRole', described)).toEqual([]);
  expect(await reasons()).toEqual([]);
  const narrowed = { id: role.id, version: 2, permissions: ['SERVERS_READ'] };
  expect(await refused('updateCustomRole', narrowed)).toEqual([]);
  expect(await reasons()).toEqual(['role_changed']);
  expect(await refused('updateMember', { userId, version: 1, role: 'AGENT' })).toEqual([]);
  expect(await refused('removeMember', { userId, version: 2 })).toEqual([]);
  expect(await reasons()).toEqual(['role_changed', 'role_changed', 'member_removed']);
});
