import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AuditLog } from '../../control-plane/store/entities/audit-log.ts';
import {
  faultOf,
  good,
  login,
  makeUser,
  mutate,
  type Sender,
  send,
  tryLogin,
} from '../support/people.ts';
import {
  type GraphqlHarness,
  openHarness,
  operatorEmail,
  password,
  type Replica,
} from './graphql-harness.ts';

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

function newEmail(): string {
  people += 1;
  return `guest-${people}@example.com`;
}

interface Invited {
  readonly token: string;
  readonly invitation: { readonly id: string };
}

function invite(sender: Sender, email: string, role = 'DEVELOPER') {
  const input = { organizationId: demo, email, role };
  return mutate<Invited>(sender, 'inviteMember', input, 'token invitation { id email roleName }');
}

interface Accepted {
  readonly organizationId: string;
  readonly user: { readonly id: string };
}

function accept(token: string, sender: Partial<Sender> = {}, account: object | null = {}) {
  const input = { token, ...(account && { displayName: 'Guest', password, ...account }) };
  const from = { url: one.url, ...sender };
  return mutate<Accepted>(from, 'acceptInvitation', input, 'organizationId user { id }');
}

async function newMember(role: string): Promise<{ id: string; email: string; sender: Sender }> {
  const email = newEmail();
  const { token } = await invite(operator, email, role);
  const { user, faults } = await accept(token);
  expect(faults).toEqual([]);
  const { accessToken } = await login({ url: one.url }, email, password);
  return { id: user.id, email, sender: { url: one.url, token: accessToken } };
}

async function pending(sender: Sender): Promise<string[]> {
  const query =
    'query($id: ID!) { organization(id: $id) { invitations(first: 50) { nodes { email } } } }';
  const { organization } = good(
    await send<{ organization: { invitations: { nodes: { email: string }[] } } }>(sender, query, {
      id: demo,
    }),
  );
  return organization.invitations.nodes.map(({ email }) => email);
}

async function lastEntry(action: string): Promise<AuditLog | undefined> {
  return harness.store.withPlatform(async (em) => {
    const [entry] = await em.find(AuditLog, { action }, { orderBy: { at: 'desc' }, limit: 1 });
    return entry;
  });
}

describe('an invitation', () => {
  test('makes an account and a membership, once', async () => {
    const email = newEmail();
    const { token, invitation } = await invite(operator, email);
    expect(await pending(operator)).toContain(email);
    expect((await tryLogin({ url: one.url }, email, password)).errors).toHaveLength(1);
    const accepted = await accept(token);
    expect(accepted).toMatchObject({ organizationId: demo, faults: [] });
    expect((await tryLogin({ url: one.url }, email, password)).errors).toEqual([]);
    expect(await pending(operator)).not.toContain(email);
    expect(await lastEntry('invitation.accept')).toMatchObject({
      organizationId: demo,
      actorId: accepted.user.id,
      details: { invitationId: invitation.id, accountCreated: true },
      privateDetails: { clientAddress: '127.0.0.1' },
    });
    expect((await accept(token)).faults).toEqual(['token NOT_FOUND']);
  });

  test('is accepted once also by two at the same time', async () => {
    const { token } = await invite(operator, newEmail());
    const results = await Promise.all([
      accept(token, { url: one.url }, { displayName: 'One' }),
      accept(token, { url: other.url }, { displayName: 'Other' }),
    ]);
    const faults = results.map((result) => result.faults.join());
    expect(faults.sort()).toEqual(['', 'token NOT_FOUND']);
  });

  test('is worth nothing once taken back, replaced or expired', async () => {
    const email = newEmail();
    const first = await invite(operator, email);
    const second = await invite(operator, email);
    expect((await accept(first.token)).faults).toEqual(['token NOT_FOUND']);
    const input = { organizationId: demo, id: second.invitation.id };
    const revoked = await mutate(operator, 'revokeInvitation', input, 'invitation { id }');
    expect(revoked.faults).toEqual([]);
    expect((await accept(second.token)).faults).toEqual(['token NOT_FOUND']);
    expect(await lastEntry('one_time_token.refused')).toMatchObject({
      organizationId: demo,
      details: { purpose: 'invitation', reason: 'revoked' },
    });
    expect((await mutate(operator, 'revokeInvitation', input, 'invitation { id }')).faults).toEqual(
      ['id NOT_FOUND'],
    );
    const third = await invite(operator, email);
    const startMs = harness.clock.nowMs;
    harness.clock.nowMs += 7 * 24 * 3_600_000 + 1;
    const late = await accept(third.token);
    harness.clock.nowMs = startMs;
    expect(late.faults).toEqual(['token NOT_FOUND']);
  });

  test('says the same of an address whether or not it has an account', async () => {
    const known = newEmail();
    await makeUser(operator, known, password);
    const replies = [await invite(operator, known), await invite(operator, newEmail())];
    for (const { faults, token } of replies) {
      expect(faults).toEqual([]);
      expect(token).toMatch(/^mcpgwo_[0-9A-Za-z]{50}$/);
    }
  });

  test('is how an organization gets people: by address they are added by operators alone', async () => {
    const admin = await newMember('ADMIN');
    const known = newEmail();
    await makeUser(operator, known, password);
    const add = async (sender: Sender, email: string) =>
      send(
        sender,
        'mutation($input: AddMemberInput!) { addMember(input: $input) { member { email } } }',
        { input: { organizationId: demo, email, role: 'AGENT' } },
      );
    expect(faultOf(await add(admin.sender, known))).toBe('FORBIDDEN');
    expect(await add(admin.sender, newEmail())).toEqual(await add(admin.sender, known));
    expect(good(await add(operator, known))).toEqual({ addMember: { member: { email: known } } });
  });

  test('of an address with an account leaves a trace when somebody tries it without that', async () => {
    const email = newEmail();
    await makeUser(operator, email, password);
    const { token, invitation } = await invite(operator, email);
    expect((await accept(token)).faults).toEqual(['token NOT_ALLOWED']);
    const somebody = await newMember('AGENT');
    expect((await accept(token, somebody.sender, null)).faults).toEqual(['token NOT_ALLOWED']);
    const { rows } = await (await harness.database.connect('system')).query<{ reason: string }>(
      `select a.details ->> 'reason' as reason from audit_logs a join one_time_tokens t on t.token_id = a.target_id
       where a.organization_id = $1 and a.action = 'one_time_token.refused' and t.id = $2 order by a.sequence`,
      [demo, invitation.id],
    );
    expect(rows.map(({ reason }) => reason)).toEqual(['account_needed', 'account_differs']);
  });

  test('of an address with an account is accepted by who is logged in with it, and by nobody else', async () => {
    const email = newEmail();
    const id = await makeUser(operator, email, password);
    const { token } = await invite(operator, email, 'AUDITOR');
    expect((await accept(token)).faults).toEqual(['token NOT_ALLOWED']);
    const someoneElse = await newMember('AGENT');
    expect((await accept(token, someoneElse.sender, null)).faults).toEqual(['token NOT_ALLOWED']);
    const { accessToken } = await login({ url: one.url }, email, password);
    const accepted = await accept(token, { token: accessToken }, null);
    expect(accepted).toMatchObject({ faults: [], user: { id }, organizationId: demo });
  });

  test('gives no more than whoever invites has, then and when it is accepted', async () => {
    const admin = await newMember('ADMIN');
    expect((await invite(admin.sender, newEmail(), 'OWNER')).faults).toEqual(['role NOT_ALLOWED']);
    const { token } = await invite(admin.sender, newEmail(), 'ADMIN');
    const demote = { organizationId: demo, userId: admin.id, version: 1, role: 'DEVELOPER' };
    const demoted = await mutate(operator, 'updateMember', demote, 'member { userId }');
    expect(demoted.faults).toEqual([]);
    expect((await accept(token)).faults).toEqual(['token NOT_FOUND']);
    expect(await lastEntry('one_time_token.refused')).toMatchObject({
      details: { reason: 'outdated' },
    });
  });

  test('is neither taken back nor replaced by who may give less', async () => {
    const email = newEmail();
    const { token, invitation } = await invite(operator, email, 'OWNER');
    const admin = await newMember('ADMIN');
    const revocation = { organizationId: demo, id: invitation.id };
    const revoked = await mutate(admin.sender, 'revokeInvitation', revocation, 'invitation { id }');
    expect(revoked.faults).toEqual(['id NOT_ALLOWED']);
    expect((await invite(admin.sender, email, 'AGENT')).faults).toEqual(['email NOT_ALLOWED']);
    expect((await accept(token)).faults).toEqual([]);
  });

  test('can’t be made, listed or taken back without the permission', async () => {
    const developer = await newMember('DEVELOPER');
    const { invitation } = await invite(operator, newEmail());
    const run = (name: string, input: object) => {
      const type = `${name[0]?.toUpperCase()}${name.slice(1)}Input`;
      const query = `mutation($input: ${type}!) { ${name}(input: $input) { userErrors { code } } }`;
      return send(developer.sender, query, { input });
    };
    const make = { organizationId: demo, email: newEmail(), role: 'AGENT' };
    expect(faultOf(await run('inviteMember', make))).toBe('FORBIDDEN');
    const revoke = { organizationId: demo, id: invitation.id };
    expect(faultOf(await run('revokeInvitation', revoke))).toBe('FORBIDDEN');
    const query = 'query($id: ID!) { organization(id: $id) { invitations { nodes { id } } } }';
    expect(faultOf(await send(developer.sender, query, { id: demo }))).toBe('FORBIDDEN');
  });

  test('checks name and password before anything of the token shows', async () => {
    const { token } = await invite(operator, newEmail());
    for (const text of [token, 'mcpgwo_nonsense']) {
      const refused = await accept(text, {}, { displayName: '', password: 'short' });
      expect(refused.faults).toEqual(['displayName REQUIRED', 'password TOO_SHORT']);
    }
  });

  test('of a member is refused', async () => {
    const { email } = await newMember('AGENT');
    expect((await invite(operator, email)).faults).toEqual(['email TAKEN']);
  });
});
