import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { contracts } from '../../common/contracts.ts';
import { ConfigState } from '../../control-plane/snapshot/config-state.ts';
import { ChangeFeed } from '../../control-plane/store/change-feed.ts';
import { type AccountAnswer, type ShownAccount, Tenant, unique } from './automation-api.ts';
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

function refused(name: string, input: object, caller = tenant.owner) {
  return caller.errorsOf(name, { organizationId: tenant.id, ...input });
}

function named({ id, version }: { readonly id: string; readonly version: number }) {
  return { organizationId: tenant.id, id, version };
}

async function update(account: ShownAccount, changes: object): Promise<ShownAccount> {
  const input = { ...named(account), ...changes };
  const { serviceAccount, userErrors } = await tenant.owner.mutate<AccountAnswer>(
    'updateServiceAccount',
    input,
  );
  if (serviceAccount === null) throw new Error(JSON.stringify(userErrors));
  return serviceAccount;
}

describe('a service account', () => {
  test('is made, listed, found, changed and deleted', async () => {
    const account = await tenant.account({ role: 'DEVELOPER' });
    expect(account).toMatchObject({ role: 'DEVELOPER', roleName: 'developer', disabledAt: null });
    const changed = await update(account, { name: unique('renamed'), description: 'Two\nlines' });
    expect(changed).toMatchObject({ role: 'DEVELOPER', version: 2 });
    const list =
      'query($id: ID!, $account: ID!, $name: String!) { organization(id: $id) { serviceAccounts(filter: { search: $name, disabled: false }) { nodes { id description } } } serviceAccount(organizationId: $id, id: $account) { name } }';
    const variables = { id: tenant.id, account: account.id, name: changed.name };
    expect(await tenant.owner.query(list, variables)).toEqual({
      organization: { serviceAccounts: { nodes: [{ id: account.id, description: 'Two\nlines' }] } },
      serviceAccount: { name: changed.name },
    });
    expect(await refused('deleteServiceAccount', named(changed))).toEqual([]);
    expect(await tenant.owner.query(list, variables)).toEqual({
      organization: { serviceAccounts: { nodes: [] } },
      serviceAccount: null,
    });
  });

  test('has a name of its own and one role', async () => {
    const { name } = await tenant.account();
    expect(await refused('createServiceAccount', { name, role: 'AGENT' })).toEqual(['name TAKEN']);
    const other = unique('account');
    expect(await refused('createServiceAccount', { name: other })).toEqual(['role REQUIRED']);
    const invalid = { name: 'No Slug', role: 'AGENT' };
    expect(await refused('createServiceAccount', invalid)).toEqual(['name INVALID_FORMAT']);
  });

  test('is changed by nobody who may do less than it', async () => {
    const account = await tenant.account({ role: 'OWNER' });
    const { caller } = await tenant.member({ role: 'ADMIN' });
    for (const changes of [{ disabled: true }, { role: 'AGENT' }, { name: unique('renamed') }]) {
      const input = { ...named(account), ...changes };
      expect(await refused('updateServiceAccount', input, caller)).toEqual(['id NOT_ALLOWED']);
    }
    expect(await refused('deleteServiceAccount', named(account), caller)).toEqual([
      'id NOT_ALLOWED',
    ]);
    const lesser = await tenant.account({ role: 'AGENT' });
    const raised = { ...named(lesser), role: 'OWNER' };
    expect(await refused('updateServiceAccount', raised, caller)).toEqual(['role NOT_ALLOWED']);
  });

  test('needs permissions of its own to be seen and changed', async () => {
    const { caller } = await tenant.member({ role: 'DEVELOPER' });
    const list = 'query($id: ID!) { organization(id: $id) { serviceAccounts { nodes { id } } } }';
    expect(await caller.refusal(list, { id: tenant.id })).toBeUndefined();
    const input = { organizationId: tenant.id, name: unique('account'), role: 'AGENT' };
    expect(await caller.mutationRefusal('createServiceAccount', input)).toBe('FORBIDDEN');
  });

  test('of another organization is as good as none', async () => {
    const other = await Tenant.create(harness, replica);
    const theirs = await other.account();
    const mine = named(theirs);
    expect(await refused('updateServiceAccount', { ...mine, disabled: true })).toEqual([
      'id NOT_FOUND',
    ]);
    expect(await refused('deleteServiceAccount', mine)).toEqual(['id NOT_FOUND']);
    const key = { label: 'key', serviceAccountId: theirs.id };
    expect(await refused('createApiKey', key)).toEqual(['serviceAccountId NOT_FOUND']);
  });
});

describe('what nodes are told of its keys', () => {
  let feed: ChangeFeed;
  let state: ConfigState;

  beforeEach(async () => {
    const logger = pino({ level: 'silent' });
    const { database, store } = harness;
    feed = await ChangeFeed.open({ connection: database.roles.system, logger });
    state = await ConfigState.open({
      ...{ store, feed, logger, masterKeys: database.masterKeys, nowMs: Date.now },
      tokenIssuer: 'https://gateway.example.com',
    });
  });

  afterEach(async () => {
    await state.close();
    await feed.close();
  });

  /** The key as nodes of every group have it after what was committed until now. */
  async function streamed(keyId: string) {
    await state.refresh();
    const [groupId = ''] = state.model?.groupIds() ?? [];
    const resource = state.model?.group(groupId)?.get(`ApiKey/${keyId}`);
    if (resource === undefined) return undefined;
    const { subject, roles, scopes } = contracts.resources.ApiKey.deserialize(
      Buffer.from(resource.body),
    );
    return { subject, roles, scopes };
  }

  test('they go when it is disabled, and come back when it is enabled', async () => {
    const account = await tenant.account();
    const keys = [await tenant.key(account.id), await tenant.key(account.id)];
    const ids = keys.map(({ record }) => record.keyId);
    const subject = `service:${account.id}`;
    for (const id of ids) {
      expect(await streamed(id)).toEqual({ subject, roles: ['agent'], scopes: ['mcp:*'] });
    }
    const disabled = await update(account, { disabled: true });
    expect(disabled.disabledAt).not.toBeNull();
    for (const id of ids) expect(await streamed(id)).toBeUndefined();
    await update(disabled, { disabled: false });
    for (const id of ids) expect(await streamed(id)).toBeDefined();
  });

  test('they go with it', async () => {
    const account = await tenant.account();
    const { record } = await tenant.key(account.id);
    expect(await streamed(record.keyId)).toBeDefined();
    expect(await refused('deleteServiceAccount', named(account))).toEqual([]);
    expect(await streamed(record.keyId)).toBeUndefined();
  });

  test('they have its role by name, and follow when the role is another or is renamed', async () => {
    const role = await tenant.role(['SERVERS_CALL']);
    const account = await tenant.account({ role: 'AGENT' });
    const { record } = await tenant.key(account.id);
    await update(account, { customRoleId: role.id });
    expect(await streamed(record.keyId)).toMatchObject({ roles: [role.name], scopes: ['mcp:*'] });
    const name = unique('renamed');
    expect(await refused('updateCustomRole', { ...named(role), name })).toEqual([]);
    expect(await streamed(record.keyId)).toMatchObject({ roles: [name] });
  });

  test('they lose their scopes while the role does not allow calls', async () => {
    const account = await tenant.account({ role: 'AUDITOR' });
    const { record } = await tenant.key(account.id);
    expect(await streamed(record.keyId)).toMatchObject({ roles: ['auditor'], scopes: [] });
    const role = await tenant.role(['SERVERS_CALL']);
    await update(account, { customRoleId: role.id });
    expect(await streamed(record.keyId)).toMatchObject({ scopes: ['mcp:*'] });
    const change = { ...named(role), permissions: ['SERVERS_READ'] };
    expect(await refused('updateCustomRole', change)).toEqual([]);
    expect(await streamed(record.keyId)).toMatchObject({ scopes: [] });
  });

  test('a member’s keys follow a custom role in the same way', async () => {
    const role = await tenant.role(['SERVERS_CALL', 'API_KEYS_WRITE']);
    const { caller, userId } = await tenant.member({ customRoleId: role.id });
    const input = { organizationId: tenant.id, label: 'mine', userId };
    const { apiKey } = await caller.mutate<{ apiKey: { keyId: string } }>('createApiKey', input);
    const subject = `user:${userId}`;
    expect(await streamed(apiKey.keyId)).toEqual({
      subject,
      roles: [role.name],
      scopes: ['mcp:*'],
    });
    const change = { ...named(role), permissions: ['SERVERS_READ'] };
    expect(await refused('updateCustomRole', change)).toEqual([]);
    expect(await streamed(apiKey.keyId)).toMatchObject({ scopes: [] });
  });
});
