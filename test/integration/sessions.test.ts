import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { newCredential } from '../../common/credential.ts';
import { AuditLog } from '../../control-plane/store/entities/audit-log.ts';
import {
  faultOf,
  good,
  login,
  makeUser,
  metric,
  mutate,
  refresh,
  type Sender,
  send,
  type Tokens,
  trustsTheTest,
  whoAmI,
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
let people = 0;

beforeAll(async () => {
  harness = await openHarness();
  const bounds = { sessionLifetimeMs: 3_600_000, sessionIdleTimeoutMs: 1_200_000 };
  one = await harness.replica({ bounds, settings: trustsTheTest });
  other = await harness.replica({ bounds, settings: trustsTheTest });
});

afterAll(() => harness.close());

beforeEach(async () => {
  const { accessToken } = await login({ url: one.url }, operatorEmail, password);
  operator = { url: one.url, token: accessToken };
});

/** A new person, who is logged in. */
async function newPerson(): Promise<{ id: string; email: string; tokens: Tokens; sender: Sender }> {
  people += 1;
  const email = `person-${people}@example.com`;
  const id = await makeUser(operator, email, password);
  const tokens = await login({ url: one.url }, email, password);
  return { id, email, tokens, sender: { url: one.url, token: tokens.accessToken } };
}

async function entries(actorId: string): Promise<AuditLog[]> {
  return harness.store.withPlatform((em) =>
    em.find(AuditLog, { actorId }, { orderBy: { sequence: 'asc' } }),
  );
}

interface Listed {
  readonly id: string;
  readonly current: boolean;
  readonly clientAddress: string;
  readonly userAgent: string;
}

async function listed(sender: Sender): Promise<readonly Listed[]> {
  const query = '{ sessions(first: 50) { nodes { id current clientAddress userAgent } } }';
  return good(await send<{ sessions: { nodes: Listed[] } }>(sender, query)).sessions.nodes;
}

describe('refresh tokens', () => {
  test('give the next pair once, at any replica', async () => {
    const { tokens } = await newPerson();
    const next = good(await refresh({ url: other.url }, tokens.refreshToken)).refresh;
    expect(next.refreshToken).not.toBe(tokens.refreshToken);
    expect((await whoAmI({ url: one.url, token: next.accessToken })).errors).toEqual([]);
    const third = good(await refresh({ url: one.url }, next.refreshToken)).refresh;
    expect((await whoAmI({ url: other.url, token: third.accessToken })).errors).toEqual([]);
  });

  test('a used one ends the session with everything issued in it', async () => {
    const { id, tokens } = await newPerson();
    const next = good(await refresh({ url: one.url }, tokens.refreshToken)).refresh;
    const before = await metric(
      other.url,
      'mcpgw_graphql_credentials_refused_total{reason="refresh_token_reused"}',
    );
    const thief = { url: other.url, address: '203.0.113.9' };
    expect(faultOf(await refresh(thief, tokens.refreshToken))).toBe('REFRESH_TOKEN_REUSED');
    expect(faultOf(await refresh({ url: one.url }, next.refreshToken))).toBe(
      'REFRESH_SESSION_ENDED',
    );
    for (const { accessToken } of [tokens, next]) {
      const reply = await whoAmI({ url: one.url, token: accessToken });
      expect(faultOf(reply)).toBe('SESSION_ENDED');
      expect(reply.errors[0]?.extensions.code).toBe('UNAUTHENTICATED');
    }
    const sample = 'mcpgw_graphql_credentials_refused_total{reason="refresh_token_reused"}';
    expect(await metric(other.url, sample)).toBe(before + 1);
    expect((await entries(id)).at(-1)).toMatchObject({
      action: 'session.end',
      details: { reason: 'refresh_token_reused' },
      privateDetails: { clientAddress: '203.0.113.9' },
    });
  });

  test('of many that come at once with one token exactly one wins, and the session ends', async () => {
    const { tokens } = await newPerson();
    const replies = await Promise.all(
      [one, other, one, other].map(({ url }) => refresh({ url }, tokens.refreshToken)),
    );
    const won = replies.filter(({ errors }) => errors.length === 0);
    expect(won).toHaveLength(1);
    const faults = replies.map(faultOf).filter((fault) => fault !== undefined);
    expect(faults).toHaveLength(3);
    expect(faults.filter((fault) => fault === 'REFRESH_TOKEN_REUSED')).toHaveLength(1);
    expect(faults.filter((fault) => fault === 'REFRESH_SESSION_ENDED')).toHaveLength(2);
    const winner = good(won[0] ?? { data: null, errors: [] }).refresh;
    expect(faultOf(await whoAmI({ url: one.url, token: winner.accessToken }))).toBe(
      'SESSION_ENDED',
    );
    expect(faultOf(await refresh({ url: one.url }, winner.refreshToken))).toBe(
      'REFRESH_SESSION_ENDED',
    );
  });

  test('end when they are idle for too long, and with the session at the latest', async () => {
    const { tokens } = await newPerson();
    const startMs = harness.clock.nowMs;
    try {
      harness.clock.nowMs = startMs + 1_200_001;
      expect(faultOf(await refresh({ url: one.url }, tokens.refreshToken))).toBe(
        'REFRESH_TOKEN_EXPIRED',
      );
      harness.clock.nowMs = startMs;
      let current = tokens;
      for (const minutes of [15, 30, 45]) {
        harness.clock.nowMs = startMs + minutes * 60_000;
        current = good(await refresh({ url: one.url }, current.refreshToken)).refresh;
      }
      harness.clock.nowMs = startMs + 59 * 60_000;
      current = good(await refresh({ url: one.url }, current.refreshToken)).refresh;
      // Neither token outlives the session.
      expect(Date.parse(current.expiresAt)).toBeLessThanOrEqual(startMs + 3_600_500);
      expect(Date.parse(current.refreshTokenExpiresAt)).toBeLessThanOrEqual(startMs + 3_600_500);
      harness.clock.nowMs = startMs + 3_600_600;
      expect(faultOf(await refresh({ url: one.url }, current.refreshToken))).toBe(
        'REFRESH_SESSION_EXPIRED',
      );
      expect(faultOf(await whoAmI({ url: one.url, token: current.accessToken }))).toBe(
        'SESSION_EXPIRED',
      );
    } finally {
      harness.clock.nowMs = startMs;
    }
  });

  test('that nobody was given are refused, and slow their address down', async () => {
    const { tokens } = await newPerson();
    const strict = await harness.replica({
      bounds: { addressFailuresMax: 2 },
      settings: trustsTheTest,
    });
    const mistyped = `${tokens.refreshToken.slice(0, -1)}!`;
    const stranger = { url: strict.url, address: '203.0.113.20' };
    expect(faultOf(await refresh(stranger, mistyped))).toBe('REFRESH_TOKEN_UNKNOWN');
    for (let guess = 0; guess < 2; guess += 1) {
      const { text } = newCredential('refreshToken');
      expect(faultOf(await refresh(stranger, text))).toBe('REFRESH_TOKEN_UNKNOWN');
    }
    expect(faultOf(await refresh(stranger, tokens.refreshToken))).toBe('TOO_MANY_ATTEMPTS');
    const elsewhere = { url: strict.url, address: '203.0.113.21' };
    expect((await refresh(elsewhere, tokens.refreshToken)).errors).toEqual([]);
  });

  test('are stored as hashes', async () => {
    const { tokens } = await newPerson();
    const owner = await harness.database.connect('system');
    const { rows } = await owner.query('select * from refresh_tokens');
    const text = JSON.stringify(rows);
    expect(rows.length).toBeGreaterThan(0);
    expect(text).not.toContain(tokens.refreshToken.slice(19, 40));
  });
});

describe('sessions', () => {
  test('are listed with device and address, and end one by one or all others', async () => {
    const { email, sender } = await newPerson();
    const phone = { url: other.url, address: '198.51.100.7', userAgent: 'Phone/1' };
    const phoneTokens = await login(phone, email, password);
    await login({ ...phone, userAgent: 'Tablet/2' }, email, password);
    const all = await listed(sender);
    expect(all.map(({ userAgent }) => userAgent)).toEqual(['Tablet/2', 'Phone/1', 'test']);
    expect(all.map(({ current }) => current)).toEqual([false, false, true]);
    expect(all[1]?.clientAddress).toBe('198.51.100.7');
    const ended = await mutate<{ endedCount: number }>(
      sender,
      'endSession',
      { id: all[1]?.id },
      'endedCount',
    );
    expect(ended).toMatchObject({ endedCount: 1, faults: [] });
    expect(faultOf(await whoAmI({ url: one.url, token: phoneTokens.accessToken }))).toBe(
      'SESSION_ENDED',
    );
    const others = '{ endOtherSessions { endedCount userErrors { code } } }';
    expect(good(await send(sender, `mutation ${others}`))).toEqual({
      endOtherSessions: { endedCount: 1, userErrors: [] },
    });
    expect(await listed(sender)).toHaveLength(1);
  });

  test('of somebody else can neither be seen nor ended', async () => {
    const mine = await newPerson();
    const theirs = await newPerson();
    const [session] = await listed(theirs.sender);
    const ended = await mutate(mine.sender, 'endSession', { id: session?.id }, 'endedCount');
    expect(ended.faults).toEqual(['id NOT_FOUND']);
    const query = 'query($id: ID!) { userSessions(userId: $id, first: 5) { nodes { id } } }';
    expect(faultOf(await send(mine.sender, query, { id: theirs.id }))).toBe('FORBIDDEN');
    const input = { userId: theirs.id };
    const type = 'mutation($input: EndUserSessionsInput!)';
    const end = `${type} { endUserSessions(input: $input) { endedCount } }`;
    expect(faultOf(await send(mine.sender, end, { input }))).toBe('FORBIDDEN');
    expect((await whoAmI(theirs.sender)).errors).toEqual([]);
  });

  test('end for an operator, who sees whose', async () => {
    const { id, sender } = await newPerson();
    const query =
      'query($id: ID!) { userSessions(userId: $id, first: 5) { nodes { id current } } }';
    const found = good(await send<{ userSessions: { nodes: Listed[] } }>(operator, query, { id }))
      .userSessions.nodes;
    expect(found.map(({ current }) => current)).toEqual([false]);
    const ended = await mutate(operator, 'endUserSessions', { userId: id }, 'endedCount');
    expect(ended).toMatchObject({ endedCount: 1, faults: [] });
    expect(faultOf(await whoAmI(sender))).toBe('SESSION_ENDED');
    expect(faultOf(await whoAmI({ ...sender, url: other.url }))).toBe('SESSION_ENDED');
  });

  test('end by logging out, at every replica', async () => {
    const { id, sender, tokens } = await newPerson();
    const reply = await send(sender, 'mutation { logout { endedCount userErrors { code } } }');
    expect(good(reply)).toEqual({ logout: { endedCount: 1, userErrors: [] } });
    expect(faultOf(await whoAmI({ ...sender, url: other.url }))).toBe('SESSION_ENDED');
    expect(faultOf(await refresh({ url: other.url }, tokens.refreshToken))).toBe(
      'REFRESH_SESSION_ENDED',
    );
    expect((await entries(id)).map(({ action }) => action)).toEqual(['user.login', 'session.end']);
  });

  test('a further one makes room by ending the one that was used least recently', async () => {
    const { id, email, sender } = await newPerson();
    const system = await harness.database.connect('system');
    await system.query(
      `insert into sessions (id, user_id, client_address, created_at, last_used_at, expires_at)
       select gen_random_uuid(), $1, '192.0.2.1', now(), now() + interval '1 minute', now() + interval '1 hour'
       from generate_series(1, 99)`,
      [id],
    );
    const next = await login({ url: one.url }, email, password);
    expect(faultOf(await whoAmI(sender))).toBe('SESSION_ENDED');
    expect((await whoAmI({ url: one.url, token: next.accessToken })).errors).toEqual([]);
  });

  test.each([
    ['disabled', 'ACCOUNT_DISABLED'],
    ['deleted', 'ACCOUNT_GONE'],
  ])('a person who was %s is refused at once with a live token', async (what, reason) => {
    const { id, sender, tokens } = await newPerson();
    const { viewer } = good(
      await send<{ viewer: { user: { version: number } } }>(
        sender,
        '{ viewer { user { version } } }',
      ),
    );
    const { version } = viewer.user;
    const before = await metric(
      other.url,
      `mcpgw_graphql_credentials_refused_total{reason="${reason.toLowerCase()}"}`,
    );
    if (what === 'disabled') {
      await mutate(operator, 'updateUser', { id, version, disabled: true }, 'user { id }');
    } else {
      const query =
        'mutation($input: DeleteOnPlatformInput!) { deleteUser(input: $input) { deletedId } }';
      good(await send(operator, query, { input: { id, version } }));
    }
    const reply = await whoAmI({ ...sender, url: other.url });
    expect(faultOf(reply)).toBe(reason);
    const sample = `mcpgw_graphql_credentials_refused_total{reason="${reason.toLowerCase()}"}`;
    expect(await metric(other.url, sample)).toBe(before + 1);
    const refused = faultOf(await refresh({ url: one.url }, tokens.refreshToken));
    expect(refused).toBe(what === 'disabled' ? 'REFRESH_SESSION_ENDED' : 'REFRESH_TOKEN_UNKNOWN');
  });

  test('that were ended stay ended when the account is enabled again', async () => {
    const { id, sender } = await newPerson();
    const change = async (fields: object) => {
      const query = 'query($id: ID!) { user(id: $id) { version } }';
      const { user } = good(await send<{ user: { version: number } }>(operator, query, { id }));
      await mutate(operator, 'updateUser', { id, ...user, ...fields }, 'user { id }');
    };
    await change({ disabled: true });
    await change({ disabled: false });
    expect(faultOf(await whoAmI(sender))).toBe('SESSION_ENDED');
  });
});

describe('the audit trail', () => {
  test('says of each log-in how it went and where it came from', async () => {
    const { id, email } = await newPerson();
    const from = { url: one.url, address: '198.51.100.44', userAgent: 'Agent/3' };
    await send(
      from,
      `mutation { login(email: "${email}", password: "wrong wrong wrong") { expiresAt } }`,
    );
    await login(from, email, password);
    expect((await entries(id)).slice(-2)).toMatchObject([
      {
        action: 'user.login_failed',
        details: { reason: 'password_wrong' },
        privateDetails: { clientAddress: '198.51.100.44', userAgent: 'Agent/3' },
      },
      {
        action: 'user.login',
        details: { method: 'password' },
        privateDetails: { clientAddress: '198.51.100.44', userAgent: 'Agent/3' },
      },
    ]);
    await send(
      from,
      'mutation { login(email: "nobody@example.com", password: "x") { expiresAt } }',
    );
    expect((await entries('unknown')).at(-1)).toMatchObject({
      action: 'user.login_failed',
      details: { reason: 'account_unknown' },
    });
  });
});
