import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type OidcProvider, startOidcProvider } from '../support/oidc-provider.ts';
import {
  faultOf,
  good,
  makeUser,
  mutate,
  type Sender,
  send,
  trustsTheTest,
} from '../support/people.ts';
import {
  dataOf,
  type GraphqlHarness,
  logIn,
  openHarness,
  operatorEmail,
  password,
  type Replica,
  type Reply,
} from './graphql-harness.ts';

const redirectUrl = 'http://127.0.0.1:9/callback';
const client = { id: 'gateway', secret: 'a secret of the client', redirectUrls: [redirectUrl] };

interface Begun {
  readonly authorizationUrl: string;
  readonly state: string;
  readonly loginToken: string;
}

interface Returned {
  state: string;
  code: string;
  iss: string | null;
  loginToken: string;
}

interface Completed {
  readonly completeOidcLogin: {
    readonly accessToken: string;
    readonly refreshToken: string;
    readonly user: { readonly id: string; readonly email: string };
  };
}

let harness: GraphqlHarness;
let replica: Replica;
let provider: OidcProvider;
let adminToken: string;
let organizationId: string;
let issuer: { id: string; version: number };
let people = 0;

beforeAll(async () => {
  harness = await openHarness();
  // Each test fails on purpose, all from one address.
  replica = await harness.replica({
    bounds: { addressFailuresMax: 10_000, addressLoginsAwayMax: 10_000 },
  });
  provider = await startOidcProvider({ clients: [client] });
  adminToken = await logIn(replica, operatorEmail);
  organizationId = harness.platform.organization.id;
  issuer = await createIssuer();
  await refreshIssuer();
});

afterAll(async () => {
  await provider.close();
  await harness.close();
});

beforeEach(() => {
  people += 1;
  provider.person = {
    sub: `subject-${people}`,
    email: `person-${people}@example.com`,
    emailVerified: true,
    name: `Person ${people}`,
    groups: ['engineers'],
  };
});

async function createIssuer(): Promise<{ id: string; version: number }> {
  const reply = await replica.post<{
    createIssuer: { issuer: { id: string; version: number } | null; userErrors: object[] };
  }>(
    `mutation($input: CreateIssuerInput!) { createIssuer(input: $input) {
       issuer { id version } userErrors { path code } } }`,
    {
      input: {
        organizationId,
        name: 'idp',
        issuerUrl: provider.issuerUrl,
        loginEnabled: true,
        clientId: client.id,
        clientSecret: client.secret,
        redirectUrls: [redirectUrl],
        roleClaim: ['groups'],
        roleMappings: [
          { value: 'engineers', role: 'developer' },
          { value: 'bots', role: 'agent' },
        ],
      },
    },
    adminToken,
  );
  const { issuer: created, userErrors } = dataOf(reply).createIssuer;
  if (created === null) throw new Error(JSON.stringify(userErrors));
  return created;
}

async function refreshIssuer(): Promise<void> {
  await harness.store.withSystem((em) =>
    em.execute(`update issuers set fetched_at = null, fetch_failed_at = null`),
  );
  const reply = await replica.post<{ refreshIssuer: { issuer: { fetchError: string | null } } }>(
    `mutation($input: RefreshIssuerInput!) { refreshIssuer(input: $input) { issuer { fetchError } } }`,
    { input: { organizationId, id: issuer.id } },
    adminToken,
  );
  expect(dataOf(reply).refreshIssuer.issuer.fetchError).toBeNull();
}

async function updateIssuer(changes: object): Promise<void> {
  const reply = await replica.post<{
    updateIssuer: { issuer: { id: string; version: number } | null; userErrors: object[] };
  }>(
    `mutation($input: UpdateIssuerInput!) { updateIssuer(input: $input) {
       issuer { id version } userErrors { path code } } }`,
    { input: { organizationId, ...issuer, ...changes } },
    adminToken,
  );
  const { issuer: changed, userErrors } = dataOf(reply).updateIssuer;
  if (changed === null) throw new Error(JSON.stringify(userErrors));
  issuer = changed;
}

async function begin(input: object = {}): Promise<{ begun: Begun | null; codes: string[] }> {
  const reply = await replica.post<{
    beginOidcLogin: Begun & { userErrors: { path: string[]; code: string }[] };
  }>(
    `mutation($input: BeginOidcLoginInput!) { beginOidcLogin(input: $input) {
       authorizationUrl state loginToken userErrors { path code } } }`,
    { input: { organization: 'demo', issuer: 'idp', redirectUrl, ...input } },
  );
  const { userErrors, ...begun } = dataOf(reply).beginOidcLogin;
  const codes = userErrors.map(({ path, code }) => `${path.join('.')} ${code}`);
  return { begun: begun.state === null ? null : begun, codes };
}

/** Goes to the provider and comes back. */
async function visitProvider(change: (url: URL) => void = () => undefined): Promise<Returned> {
  const { begun } = await begin();
  if (begun === null) throw new Error('The log-in did not begin.');
  const url = new URL(begun.authorizationUrl);
  change(url);
  const back = await provider.authorize(url.href);
  const { state, code, iss } = Object.fromEntries(back.searchParams);
  if (code === undefined) throw new Error(back.href);
  return { state: state ?? '', code, iss: iss ?? null, loginToken: begun.loginToken };
}

function complete(input: Returned): Promise<Reply<Completed>> {
  return replica.post<Completed>(
    `mutation($input: CompleteOidcLoginInput!) { completeOidcLogin(input: $input) {
       accessToken refreshToken user { id email } } }`,
    { input },
  );
}

async function lastFailure(): Promise<unknown> {
  const [entry] = await harness.store.withSystem((em) =>
    em.execute<{ details: { reason?: unknown } }[]>(
      `select details from audit_logs where action = 'user.login_failed' and organization_id = ?
       order by sequence desc limit 1`,
      [organizationId],
    ),
  );
  return entry?.details.reason;
}

/** Completes what must fail, and says which reason the audit trail gives. */
async function refused(input: Returned): Promise<unknown> {
  const reply = await complete(input);
  expect(reply.errors[0]?.extensions.code).toBe('LOGIN_FAILED');
  return lastFailure();
}

interface ViewerReply {
  readonly viewer: {
    readonly user: { readonly email: string; readonly platformRole: string | null };
    readonly memberships: readonly { organizationId: string; roleName: string }[];
  };
}

async function viewer(token: string): Promise<ViewerReply['viewer']> {
  const reply = await replica.post<ViewerReply>(
    '{ viewer { user { email platformRole } memberships { organizationId roleName } } }',
    {},
    token,
  );
  return dataOf(reply).viewer;
}

async function member(
  email: string,
): Promise<{ role: string; issuer_id: string | null } | undefined> {
  const [row] = await harness.store.withSystem((em) =>
    em.execute<{ role: string; issuer_id: string | null }[]>(
      `select m.role, m.issuer_id from memberships m join users u on u.id = m.user_id
       where u.email = ? and m.organization_id = ?`,
      [email, organizationId],
    ),
  );
  return row;
}

async function addUser(email: string, role: string | null): Promise<void> {
  await harness.store.withSystem(async (em) => {
    await em.execute(
      `insert into users (id, email, display_name) values (gen_random_uuid(), ?, 'By hand')`,
      [email],
    );
    if (role === null) return;
    await em.execute(
      `insert into memberships (organization_id, user_id, role)
       select ?, id, ? from users where email = ?`,
      [organizationId, role, email],
    );
  });
}

describe('log-in through an organization’s issuer', () => {
  test('a stranger becomes a member with the mapped role, in that organization alone', async () => {
    const reply = await complete(await visitProvider());
    const { accessToken, user } = dataOf(reply).completeOidcLogin;
    expect(user.email).toBe(`person-${people}@example.com`);
    expect((await viewer(accessToken)).memberships).toEqual([
      { organizationId, roleName: 'developer' },
    ]);
    expect(await member(user.email)).toEqual({ role: 'developer', issuer_id: issuer.id });
  });

  test('the same subject is the same person, also with another address', async () => {
    const first = dataOf(await complete(await visitProvider())).completeOidcLogin.user;
    provider.person = { ...provider.person, email: 'moved@example.com' };
    const second = dataOf(await complete(await visitProvider())).completeOidcLogin.user;
    expect(second).toEqual(first);
  });

  test('two first log-ins at once make one person', async () => {
    const visits = [await visitProvider(), await visitProvider()];
    const replies = await Promise.all(visits.map(complete));
    const ids = replies.map((reply) => dataOf(reply).completeOidcLogin.user.id);
    expect(new Set(ids).size).toBe(1);
  });

  test('each log-in gives a member who came through the issuer the role that it says now', async () => {
    const email = `person-${people}@example.com`;
    await complete(await visitProvider());
    provider.person = { ...provider.person, groups: ['bots'] };
    dataOf(await complete(await visitProvider()));
    expect((await member(email))?.role).toBe('agent');
  });

  test('somebody with an account gets in by a verified address', async () => {
    const email = `person-${people}@example.com`;
    await addUser(email, null);
    dataOf(await complete(await visitProvider()));
    expect(await member(email)).toEqual({ role: 'developer', issuer_id: issuer.id });
  });

  test('an address that is not verified is nobody’s', async () => {
    provider.person = { ...provider.person, emailVerified: false };
    expect(await refused(await visitProvider())).toBe('email_unverified');
  });

  test('a role that was given by hand stays', async () => {
    const email = `person-${people}@example.com`;
    await addUser(email, 'agent');
    dataOf(await complete(await visitProvider()));
    expect(await member(email)).toEqual({ role: 'agent', issuer_id: null });
  });

  test('the issuer can’t act for who has more than it gives', async () => {
    await addUser(`person-${people}@example.com`, 'owner');
    expect(await refused(await visitProvider())).toBe('role_above_issuer');
    people += 1;
    provider.person = { ...provider.person, sub: 'admin-1', email: 'an-admin@example.com' };
    await addUser('an-admin@example.com', 'admin');
    expect(await refused(await visitProvider())).toBe('role_above_issuer');
  });

  test('an operator who comes through an issuer is none', async () => {
    const email = 'second-operator@example.com';
    await harness.store.withSystem((em) =>
      em.execute(
        `insert into users (id, email, display_name, platform_role)
         values (gen_random_uuid(), ?, 'Operator', 'operator')`,
        [email],
      ),
    );
    provider.person = { ...provider.person, email };
    const { accessToken } = dataOf(await complete(await visitProvider())).completeOidcLogin;
    const reply = await replica.post('{ users(first: 1) { nodes { id } } }', {}, accessToken);
    expect(reply.errors[0]?.extensions.code).toBe('FORBIDDEN');
  });

  test('who matches no mapping does not get in, and leaves no account', async () => {
    provider.person = { ...provider.person, groups: ['visitors'] };
    expect(await refused(await visitProvider())).toBe('role_missing');
    const [row] = await harness.store.withSystem((em) =>
      em.execute<{ count: string }[]>('select count(*) from users where email = ?', [
        `person-${people}@example.com`,
      ]),
    );
    expect(Number(row?.count)).toBe(0);
  });

  test('a disabled account does not get in', async () => {
    const email = `person-${people}@example.com`;
    await complete(await visitProvider());
    await harness.store.withSystem((em) =>
      em.execute('update users set disabled_at = now() where email = ?', [email]),
    );
    expect(await refused(await visitProvider())).toBe('account_disabled');
  });

  test('a session of an issuer sees no other organization', async () => {
    const email = `person-${people}@example.com`;
    await addUser(email, null);
    await harness.store.withSystem((em) =>
      em.execute(
        `with other as (insert into organizations (id, slug, name)
           values (gen_random_uuid(), 'other', 'Other') returning id)
         insert into memberships (organization_id, user_id, role)
           select other.id, users.id, 'owner' from other, users where email = ?`,
        [email],
      ),
    );
    const { accessToken } = dataOf(await complete(await visitProvider())).completeOidcLogin;
    expect((await viewer(accessToken)).memberships).toEqual([
      { organizationId, roleName: 'developer' },
    ]);
    const reply = await replica.post<{ organization: object | null }>(
      '{ organization(slug: "other") { id members(first: 1) { nodes { userId } } } }',
      {},
      accessToken,
    );
    expect(reply.data?.organization ?? null).toBeNull();
  });
});

describe('who came through an issuer', () => {
  /** Logs in through the issuer. */
  async function enter(): Promise<Completed['completeOidcLogin']> {
    return dataOf(await complete(await visitProvider())).completeOidcLogin;
  }

  async function standing(accessToken: string): Promise<string | undefined> {
    const reply = await replica.post('{ viewer { user { email } } }', {}, accessToken);
    return reply.errors[0]?.extensions.code;
  }

  function asOwner(name: string, input: object, fields = '__typename') {
    const sender = { url: replica.url, token: adminToken };
    return mutate<Record<string, unknown>>(sender, name, { organizationId, ...input }, fields);
  }

  test('and matches no mapping any more is a member no more, with keys and sessions', async () => {
    const { user, accessToken } = await enter();
    const key = { label: 'of a leaver', scopes: ['mcp:*'], userId: user.id };
    expect((await asOwner('createApiKey', key)).faults).toEqual([]);
    provider.person = { ...provider.person, groups: [] };
    expect(await refused(await visitProvider())).toBe('role_missing');
    expect(await member(user.email)).toBeUndefined();
    expect(await standing(accessToken)).toBe('UNAUTHENTICATED');
    const rows = await harness.store.withSystem((em) =>
      em.execute<{ keys: number; removals: { actor_kind: string; details: object }[] }[]>(
        `select (select count(*)::int from api_keys where subject_user_id = ?) as keys,
           (select jsonb_agg(to_jsonb(a)) from audit_logs a
            where a.action = 'member.remove' and a.target_id = ?) as removals`,
        [user.id, user.id],
      ),
    );
    expect(rows[0]?.keys).toBe(0);
    expect(rows[0]?.removals).toEqual([
      expect.objectContaining({
        ...{ organization_id: organizationId, actor_kind: 'system', actor_id: issuer.id },
        details: expect.objectContaining({
          ...{ reason: 'role_missing', apiKeysEnded: 1, sessionsEnded: 1 },
        }),
      }),
    ]);
    // Who is let in again begins anew.
    provider.person = { ...provider.person, groups: ['bots'] };
    await enter();
    expect((await member(user.email))?.role).toBe('agent');
  });

  test('and has a role by hand keeps it without a mapping, and does not get in', async () => {
    const email = `person-${people}@example.com`;
    await addUser(email, 'agent');
    await enter();
    provider.person = { ...provider.person, groups: [] };
    expect(await refused(await visitProvider())).toBe('role_missing');
    expect(await member(email)).toEqual({ role: 'agent', issuer_id: null });
  });

  test('stays a member when the role that the issuer gives is not there', async () => {
    const { user } = await enter();
    const map = (role: string) =>
      harness.store.withSystem((em) =>
        em.execute(
          `update issuers set role_mappings = jsonb_set(role_mappings, '{0,role}', to_jsonb(?::text))`,
          [role],
        ),
      );
    await map('no-such-role');
    try {
      expect(await refused(await visitProvider())).toBe('role_unknown');
      expect((await member(user.email))?.role).toBe('developer');
    } finally {
      await map('developer');
    }
  });

  test('is a member in sessions of an issuer alone: a stranger may have made the account', async () => {
    const email = `person-${people}@example.com`;
    await makeUser({ url: replica.url, token: adminToken }, email, password);
    const before = await logIn(replica, email);
    const { accessToken } = await enter();
    for (const token of [before, await logIn(replica, email)]) {
      expect((await viewer(token)).memberships).toEqual([]);
      const reply = await replica.post<{ organizations: { nodes: object[] } }>(
        '{ organizations(first: 10) { nodes { id } } }',
        {},
        token,
      );
      expect(dataOf(reply).organizations.nodes).toEqual([]);
    }
    expect((await viewer(accessToken)).memberships).toHaveLength(1);
  });

  test('is made no owner, and gets no password from an organization’s admins', async () => {
    const { user } = await enter();
    const promotion = { userId: user.id, version: 1, role: 'OWNER' };
    expect((await asOwner('updateMember', promotion)).faults).toEqual(['role NOT_ALLOWED']);
    const reset = await asOwner('requestMemberPasswordReset', { userId: user.id }, 'token');
    expect(reset).toMatchObject({ token: null, faults: ['userId NOT_ALLOWED'] });
  });

  test('ends no session but those of the same organization by having too many', async () => {
    const email = `person-${people}@example.com`;
    await makeUser({ url: replica.url, token: adminToken }, email, password);
    const byPassword = await logIn(replica, email);
    const first = await enter();
    await harness.store.withSystem((em) =>
      em.execute(
        `insert into sessions (id, user_id, organization_id, issuer_id, client_address, user_agent,
           created_at, last_used_at, expires_at, refresh_count)
         select gen_random_uuid(), user_id, organization_id, issuer_id, '', '', created_at,
           last_used_at + interval '1 s', expires_at, 0
         from sessions, generate_series(1, 100) where user_id = ? and organization_id is not null`,
        [first.user.id],
      ),
    );
    await enter();
    expect(await standing(first.accessToken)).toBe('UNAUTHENTICATED');
    expect(await standing(byPassword)).toBeUndefined();
  });

  test('keeps the issuer from being deleted: nobody becomes a member by password unasked', async () => {
    await enter();
    const reply = await replica.post<{ deleteIssuer: { userErrors: { code: string }[] } }>(
      'mutation($i: DeleteInOrganizationInput!) { deleteIssuer(input: $i) { userErrors { code } } }',
      { i: { organizationId, ...issuer } },
      adminToken,
    );
    expect(dataOf(reply).deleteIssuer.userErrors).toEqual([{ code: 'IN_USE' }]);
  });
});

describe('what does not come back as it went is refused', () => {
  test('a state that nobody was given', async () => {
    const visit = await visitProvider();
    const reply = await complete({ ...visit, state: `${visit.state}A` });
    expect(reply.errors[0]?.extensions.code).toBe('LOGIN_FAILED');
  });

  test('a log-in that somebody else began', async () => {
    const [mine, theirs] = [await visitProvider(), await visitProvider()];
    const reply = await complete({ ...mine, loginToken: theirs.loginToken });
    expect(reply.errors[0]?.extensions.code).toBe('LOGIN_FAILED');
    // It is gone then: a state is good once.
    expect((await complete(mine)).errors[0]?.extensions.code).toBe('LOGIN_FAILED');
  });

  test('a log-in that came back already', async () => {
    const visit = await visitProvider();
    dataOf(await complete(visit));
    expect((await complete(visit)).errors[0]?.extensions.code).toBe('LOGIN_FAILED');
  });

  test('a log-in that took more than ten minutes', async () => {
    const visit = await visitProvider();
    harness.clock.nowMs += 10 * 60_000;
    try {
      expect((await complete(visit)).errors[0]?.extensions.code).toBe('LOGIN_FAILED');
    } finally {
      harness.clock.nowMs -= 10 * 60_000;
    }
  });

  test('a code of another log-in: its PKCE verifier is another one', async () => {
    const [mine, theirs] = [await visitProvider(), await visitProvider()];
    expect(await refused({ ...mine, code: theirs.code })).toBe('code_refused');
  });

  test('a code that the issuer never gave', async () => {
    expect(await refused({ ...(await visitProvider()), code: 'made-up' })).toBe('code_refused');
  });

  test('an ID token with another nonce', async () => {
    const visit = await visitProvider((url) => url.searchParams.set('nonce', 'another'));
    expect(await refused(visit)).toBe('id_token_refused');
  });

  test('an answer of another issuer, and one that does not say whose it is', async () => {
    const visit = await visitProvider();
    expect(visit.iss).toBe(provider.issuerUrl);
    expect(await refused({ ...visit, iss: 'https://idp.example.com' })).toBe('response_refused');
    expect(await refused({ ...(await visitProvider()), iss: null })).toBe('response_refused');
  });

  test('an ID token signed by an algorithm that does not count', async () => {
    await updateIssuer({ algorithms: ['RS256'] });
    try {
      expect(await refused(await visitProvider())).toBe('id_token_refused');
    } finally {
      await updateIssuer({ algorithms: ['ES256'] });
    }
  });

  test('a wrong client secret', async () => {
    await updateIssuer({ clientSecret: 'another secret' });
    try {
      expect(await refused(await visitProvider())).toBe('code_refused');
    } finally {
      await updateIssuer({ clientSecret: client.secret });
    }
  });

  test('an issuer that does not answer', async () => {
    const visit = await visitProvider();
    provider.outage = 503;
    try {
      const reply = await complete(visit);
      expect(reply.errors[0]?.extensions.code).toBe('LOGIN_FAILED');
    } finally {
      provider.outage = undefined;
    }
  });

  test('a redirect URL that is not listed, an unknown issuer and an unknown organization', async () => {
    expect(await begin({ redirectUrl: `${redirectUrl}/` })).toEqual({
      begun: null,
      codes: ['redirectUrl NOT_ALLOWED'],
    });
    const unknown = { begun: null, codes: ['issuer NOT_FOUND'] };
    expect(await begin({ issuer: 'nobody' })).toEqual(unknown);
    expect(await begin({ organization: 'nowhere' })).toEqual(unknown);
    expect(await begin({ organization: '\u0000' })).toEqual(unknown);
  });

  test('an issuer that is disabled meanwhile, whose sessions end with it', async () => {
    const standing = dataOf(await complete(await visitProvider())).completeOidcLogin.accessToken;
    const visit = await visitProvider();
    await updateIssuer({ loginEnabled: false });
    try {
      expect(await refused(visit)).toBe('issuer_disabled');
      const reply = await replica.post('{ viewer { user { email } } }', {}, standing);
      expect(reply.errors[0]?.extensions.code).toBe('UNAUTHENTICATED');
      expect((await begin()).codes).toEqual(['issuer NOT_FOUND']);
    } finally {
      await updateIssuer({ loginEnabled: true });
    }
  });
});

describe('log-ins that don’t come back', () => {
  const input = { organization: 'demo', issuer: 'idp', redirectUrl };
  const from = ({ url }: Replica, address: string): Sender => ({ url, address });

  async function leave(sender: Sender): Promise<string | { state: string; loginToken: string }> {
    const reply = await send<{ beginOidcLogin: { state: string; loginToken: string } }>(
      sender,
      `mutation($input: BeginOidcLoginInput!) { beginOidcLogin(input: $input) { state loginToken } }`,
      { input },
    );
    return faultOf(reply) ?? good(reply).beginOidcLogin;
  }

  test('keep their address waiting, and no other; one that comes back does not count', async () => {
    const bounds = { addressLoginsAwayMax: 3, addressFailuresMax: 10_000 };
    const strict = await harness.replica({ bounds, settings: trustsTheTest });
    const address = '198.51.100.1';
    for (const attempt of [1, 2, 3, 4, 5]) {
      const begun = await leave(from(strict, address));
      if (typeof begun === 'string') throw new Error(`${attempt}: ${begun}`);
      await send(
        from(strict, address),
        `mutation($input: CompleteOidcLoginInput!) { completeOidcLogin(input: $input) { accessToken } }`,
        { input: { ...begun, code: 'made-up', iss: provider.issuerUrl } },
      );
    }
    for (const _ of [1, 2, 3]) expect(await leave(from(strict, address))).toHaveProperty('state');
    expect(await leave(from(strict, address))).toBe('TOO_MANY_ATTEMPTS');
    expect(await leave(from(strict, '198.51.100.2'))).toHaveProperty('state');
    harness.clock.nowMs += 1000;
    expect(await leave(from(strict, address))).toHaveProperty('state');
  });

  test('push each other out, the oldest first, once an issuer has too many', async () => {
    const few = await harness.replica({ bounds: { issuerLoginsAwayMax: 2 } });
    const begun = [];
    for (const _ of [1, 2, 3]) {
      begun.push(await leave({ url: few.url }));
      harness.clock.nowMs += 1;
    }
    const left = await harness.store.withSystem((em) =>
      em.execute<{ hash: string }[]>(
        `select encode(state_hash, 'hex') as hash from oidc_logins order by created_at`,
      ),
    );
    const hashes = begun.map((login) => {
      if (typeof login === 'string') throw new Error(login);
      return createHash('sha256').update(login.state).digest('hex');
    });
    expect(left.map(({ hash }) => hash)).toEqual(hashes.slice(1));
  });
});

describe('around a log-in', () => {
  test('the issuers of an organization are listed by name; an unknown one has none', async () => {
    const names = async (organization: string) =>
      dataOf(
        await replica.post<{ loginIssuers: { name: string }[] }>(
          'query($organization: String!) { loginIssuers(organization: $organization) { name } }',
          { organization },
        ),
      ).loginIssuers;
    expect(await names('demo')).toEqual([{ name: 'idp' }]);
    expect(await names('nowhere')).toEqual([]);
  });

  test('a key that the issuer took into use unseen is fetched for the log-in', async () => {
    await provider.publishKey();
    provider.signWithNewest();
    await harness.store.withSystem((em) =>
      em.execute(`update issuers set fetched_at = now() - interval '1 minute'`),
    );
    dataOf(await complete(await visitProvider()));
  });

  test('what the database keeps of a log-in under way opens nothing', async () => {
    const visit = await visitProvider();
    const [row] = await harness.store.withSystem((em) =>
      em.execute<{ text: string }[]>(
        'select string_agg(o::text, chr(10)) as text from oidc_logins o',
      ),
    );
    expect(row?.text).not.toContain(visit.state);
    expect(row?.text).not.toContain(visit.loginToken);
    expect(row?.text).not.toContain(Buffer.from(visit.state).toString('hex'));
  });
});
