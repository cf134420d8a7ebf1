import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AuditLog } from '../../control-plane/store/entities/audit-log.ts';
import {
  faultOf,
  good,
  login,
  makeUser,
  mutate,
  refresh,
  type Sender,
  send,
  tryLogin,
  whoAmI,
} from '../support/people.ts';
import {
  type GraphqlHarness,
  openHarness,
  operatorEmail,
  password,
  type Replica,
} from './graphql-harness.ts';

const newPassword = 'another correct horse';

let harness: GraphqlHarness;
let one: Replica;
let other: Replica;
let operator: Sender;
let demo: string;
let people = 0;

beforeAll(async () => {
  harness = await openHarness();
  one = await harness.replica();
  other = await harness.replica();
  const { accessToken } = await login({ url: one.url }, operatorEmail, password);
  operator = { url: one.url, token: accessToken };
  demo = harness.platform.organization.id;
});

afterAll(() => harness.close());

async function newPerson(): Promise<{ id: string; email: string }> {
  people += 1;
  const email = `person-${people}@example.com`;
  return { email, id: await makeUser(operator, email, password) };
}

async function newMember(role: string, organizationId = demo) {
  const person = await newPerson();
  await join(person.email, role, organizationId);
  const { accessToken } = await login({ url: one.url }, person.email, password);
  return { ...person, sender: { url: one.url, token: accessToken } };
}

async function join(email: string, role: string, organizationId: string): Promise<void> {
  const added = await mutate(
    operator,
    'addMember',
    { organizationId, email, role },
    'member { userId }',
  );
  expect(added.faults).toEqual([]);
}

async function newOrganization(slug: string): Promise<string> {
  const { organization } = await mutate<{ organization: { id: string } }>(
    operator,
    'createOrganization',
    { slug, name: slug },
    'organization { id }',
  );
  return organization.id;
}

function change(sender: Sender, currentPassword: string) {
  const input = { currentPassword, newPassword };
  return mutate<{ sessionsEnded: number }>(sender, 'changePassword', input, 'sessionsEnded');
}

interface Reset {
  readonly token: string;
}

const forOperator = (userId: string) =>
  mutate<Reset>(operator, 'requestPasswordReset', { userId }, 'token expiresAt');

const forMember = (sender: Sender, userId: string, organizationId = demo) =>
  mutate<Reset>(
    sender,
    'requestMemberPasswordReset',
    { organizationId, userId },
    'token expiresAt',
  );

const reset = (token: string, url = one.url, text = newPassword) =>
  mutate<{ sessionsEnded: number }>(
    { url },
    'resetPassword',
    { token, newPassword: text },
    'sessionsEnded',
  );

async function lastEntry(action: string): Promise<AuditLog | undefined> {
  return harness.store.withPlatform(async (em) => {
    const [entry] = await em.find(AuditLog, { action }, { orderBy: { at: 'desc' }, limit: 1 });
    return entry;
  });
}

describe('changing one’s password', () => {
  test('needs the current one and ends all other sessions', async () => {
    const { email } = await newPerson();
    const mine = await login({ url: one.url }, email, password);
    const theirs = await login({ url: other.url }, email, password);
    const sender = { url: one.url, token: mine.accessToken };
    expect((await change(sender, 'not the current one')).faults).toEqual([
      'currentPassword INCORRECT',
    ]);
    expect((await whoAmI({ url: one.url, token: theirs.accessToken })).errors).toEqual([]);
    expect(await change(sender, password)).toMatchObject({ sessionsEnded: 1, faults: [] });
    expect(faultOf(await whoAmI({ url: other.url, token: theirs.accessToken }))).toBe(
      'SESSION_ENDED',
    );
    expect(faultOf(await refresh({ url: one.url }, theirs.refreshToken))).toBe(
      'REFRESH_SESSION_ENDED',
    );
    expect((await whoAmI(sender)).errors).toEqual([]);
    expect(faultOf(await tryLogin({ url: one.url }, email, password))).toBe('LOGIN_FAILED');
    expect((await tryLogin({ url: one.url }, email, newPassword)).errors).toEqual([]);
  });

  test('counts wrong ones as failed log-ins: a stolen token is no way to guess', async () => {
    const { email } = await newPerson();
    const strict = await harness.replica({ bounds: { addressFailuresMax: 1_000_000 } });
    const { accessToken } = await login({ url: strict.url }, email, password);
    const system = await harness.database.connect('system');
    // As if the person had never been here: a known address is only held by its own failures.
    await system.query(`update sessions set client_address = '192.0.2.99'`);
    const sender = { url: strict.url, token: accessToken };
    for (let guess = 0; guess < 10; guess += 1) await change(sender, `wrong password ${guess}`);
    const input = { currentPassword: password, newPassword };
    const mutation =
      'mutation($input: ChangePasswordInput!) { changePassword(input: $input) { sessionsEnded } }';
    expect(faultOf(await send(sender, mutation, { input }))).toBe('TOO_MANY_ATTEMPTS');
  });

  test('refuses a new one that is too short', async () => {
    const { sender } = await newMember('AGENT');
    const input = { currentPassword: password, newPassword: 'short' };
    const refused = await mutate(sender, 'changePassword', input, 'sessionsEnded');
    expect(refused.faults).toEqual(['newPassword TOO_SHORT']);
  });
});

describe('a token for a new password', () => {
  test('sets it once, ends every session and says where it was used', async () => {
    const { id, email } = await newPerson();
    const before = await login({ url: one.url }, email, password);
    const { token } = await forOperator(id);
    expect(await reset(token, other.url)).toMatchObject({ sessionsEnded: 1, faults: [] });
    expect(faultOf(await whoAmI({ url: one.url, token: before.accessToken }))).toBe(
      'SESSION_ENDED',
    );
    expect((await tryLogin({ url: one.url }, email, newPassword)).errors).toEqual([]);
    expect(await lastEntry('user.reset_password')).toMatchObject({
      targetId: id,
      privateDetails: { clientAddress: '127.0.0.1' },
    });
    expect((await reset(token)).faults).toEqual(['token NOT_FOUND']);
    expect(await lastEntry('one_time_token.refused')).toMatchObject({
      details: { reason: 'used' },
    });
  });

  test('is used once also by two who present it at the same time', async () => {
    const { id } = await newPerson();
    const { token } = await forOperator(id);
    const results = await Promise.all([
      reset(token, one.url, 'the password of the one'),
      reset(token, other.url, 'the password of the other'),
    ]);
    const faults = results.map((result) => result.faults.join());
    expect(faults.sort()).toEqual(['', 'token NOT_FOUND']);
  });

  test('ends when another is made, when it expires and when the account is disabled', async () => {
    const { id } = await newPerson();
    const first = await forOperator(id);
    const second = await forOperator(id);
    expect((await reset(first.token)).faults).toEqual(['token NOT_FOUND']);
    expect(await lastEntry('one_time_token.refused')).toMatchObject({
      details: { reason: 'revoked' },
    });
    const startMs = harness.clock.nowMs;
    harness.clock.nowMs += 24 * 3_600_000 + 1;
    expect((await reset(second.token)).faults).toEqual(['token NOT_FOUND']);
    harness.clock.nowMs = startMs;
    expect(await lastEntry('one_time_token.refused')).toMatchObject({
      details: { reason: 'expired' },
    });
    const third = await forOperator(id);
    await mutate(operator, 'updateUser', { id, version: 1, disabled: true }, 'user { id }');
    expect((await reset(third.token)).faults).toEqual(['token NOT_FOUND']);
  });

  test('ends when an operator sets the password', async () => {
    const { id } = await newPerson();
    const { token } = await forOperator(id);
    const change = { id, version: 1, password: newPassword };
    expect((await mutate(operator, 'updateUser', change, 'user { id }')).faults).toEqual([]);
    expect((await reset(token)).faults).toEqual(['token NOT_FOUND']);
    expect(await lastEntry('one_time_token.refused')).toMatchObject({
      details: { reason: 'revoked' },
    });
  });

  test('is no use when it is mistyped, and asks nobody for work', async () => {
    expect((await reset('mcpgwo_nonsense')).faults).toEqual(['token NOT_FOUND']);
    expect((await reset('mcpgwo_nonsense', one.url, 'short')).faults).toEqual([
      'newPassword TOO_SHORT',
    ]);
  });

  test('ends with a change of the password', async () => {
    const { id, email } = await newPerson();
    const { token } = await forOperator(id);
    const { accessToken } = await login({ url: one.url }, email, password);
    await change({ url: one.url, token: accessToken }, password);
    expect((await reset(token)).faults).toEqual(['token NOT_FOUND']);
  });
});

describe('an organization’s admin', () => {
  test('makes one for a member of this organization alone', async () => {
    const admin = await newMember('ADMIN');
    const member = await newMember('DEVELOPER');
    const made = await forMember(admin.sender, member.id);
    expect(made.faults).toEqual([]);
    expect((await reset(made.token)).faults).toEqual([]);
  });

  test('can’t take over operators, members of other organizations, or who may do more', async () => {
    const admin = await newMember('ADMIN');
    const owner = await newMember('OWNER');
    expect((await forMember(admin.sender, owner.id)).faults).toEqual(['userId NOT_ALLOWED']);

    const elsewhere = await newMember('DEVELOPER');
    await join(elsewhere.email, 'AGENT', await newOrganization('elsewhere'));
    expect((await forMember(admin.sender, elsewhere.id)).faults).toEqual(['userId NOT_ALLOWED']);

    const promoted = await newMember('DEVELOPER');
    const raise = { id: promoted.id, version: 1, platformRole: 'OPERATOR' };
    expect((await mutate(operator, 'updateUser', raise, 'user { id }')).faults).toEqual([]);
    expect((await forMember(admin.sender, promoted.id)).faults).toEqual(['userId NOT_ALLOWED']);

    const stranger = await newPerson();
    expect((await forMember(admin.sender, stranger.id)).faults).toEqual(['userId NOT_FOUND']);
    const mutation =
      'mutation($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { token } }';
    const input = { userId: stranger.id };
    expect(faultOf(await send(admin.sender, mutation, { input }))).toBe('FORBIDDEN');
  });

  test('gains nothing by a token that was made before the account reached further', async () => {
    const admin = await newMember('ADMIN');
    const member = await newMember('AGENT');
    const { token } = await forMember(admin.sender, member.id);
    await join(member.email, 'OWNER', await newOrganization('later'));
    expect((await reset(token)).faults).toEqual(['token NOT_FOUND']);
    expect(await lastEntry('one_time_token.refused')).toMatchObject({
      organizationId: demo,
      details: { reason: 'outdated' },
    });
    expect(good(await tryLogin({ url: one.url }, member.email, password))).toBeDefined();
  });

  test('of another organization learns nothing', async () => {
    const member = await newMember('AGENT');
    const outsider = await newMember('ADMIN', await newOrganization('outside'));
    const mutation =
      'mutation($input: RequestMemberPasswordResetInput!) { requestMemberPasswordReset(input: $input) { token } }';
    const foreign = { organizationId: demo, userId: member.id };
    expect(faultOf(await send(outsider.sender, mutation, { input: foreign }))).toBe('NOT_FOUND');
  });
});
