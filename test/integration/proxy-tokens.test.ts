import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { fetch } from 'undici';
import { AuditLog } from '../../control-plane/store/entities/audit-log.ts';
import { Revocation } from '../../control-plane/store/entities/revocation.ts';
import { faultOf, login, makeUser, mutate, type Sender, send, whoAmI } from '../support/people.ts';
import {
  type GraphqlHarness,
  openHarness,
  operatorEmail,
  password,
  type Replica,
} from './graphql-harness.ts';

let harness: GraphqlHarness;
let replica: Replica;
let operator: Sender;
let demo: string;
let serverId: string;
let people = 0;

const publicUrl = new URL('https://mcp.example.com/gateway/');

beforeAll(async () => {
  harness = await openHarness();
  replica = await harness.replica({
    settings: { publicUrl },
    bounds: { sessionLifetimeMs: 600_000 },
  });
  const { accessToken } = await login({ url: replica.url }, operatorEmail, password);
  operator = { url: replica.url, token: accessToken };
  demo = harness.platform.organization.id;
  const input = {
    organizationId: demo,
    slug: 'files',
    name: 'Files',
    endpoints: [{ url: 'http://10.0.0.1/mcp' }],
  };
  const made = await mutate<{ server: { id: string } }>(
    operator,
    'createServer',
    input,
    'server { id }',
  );
  serverId = made.server.id;
});

afterAll(() => harness.close());

async function newMember(role: string): Promise<{ id: string; sender: Sender }> {
  people += 1;
  const email = `person-${people}@example.com`;
  const id = await makeUser(operator, email, password);
  const input = { organizationId: demo, email, role };
  expect((await mutate(operator, 'addMember', input, 'member { userId }')).faults).toEqual([]);
  const { accessToken } = await login({ url: replica.url }, email, password);
  return { id, sender: { url: replica.url, token: accessToken } };
}

interface Issued {
  readonly accessToken: string;
  readonly url: string;
  readonly scope: string;
  readonly expiresAt: string;
}

function issue(sender: Sender, input: object = {}) {
  return mutate<Issued>(
    sender,
    'issueProxyToken',
    { organizationId: demo, serverId, ...input },
    'accessToken url scope expiresAt',
  );
}

function partOf(token: string, part: 0 | 1): Record<string, unknown> {
  const text = Buffer.from(token.split('.')[part] ?? '', 'base64url').toString();
  return JSON.parse(text) as Record<string, unknown>;
}

const rawIssue =
  'mutation($input: IssueProxyTokenInput!) { issueProxyToken(input: $input) { scope } }';

describe('an access token for the proxy', () => {
  test('is for one route, by a key that the gateway publishes', async () => {
    const { id, sender } = await newMember('DEVELOPER');
    const { accessToken, url, scope, expiresAt } = await issue(sender);
    expect(url).toBe('https://mcp.example.com/gateway/demo/files/mcp');
    expect(scope).toBe('mcp:files');
    const claims = partOf(accessToken, 1);
    expect(claims).toMatchObject({
      iss: 'https://gateway.example.com',
      aud: url,
      sub: `user:${id}`,
      org: demo,
      roles: ['developer'],
      scope: 'mcp:files',
      exp: Date.parse(expiresAt) / 1000,
    });
    expect(claims['jti']).toEqual(expect.any(String));
    const header = partOf(accessToken, 0);
    expect(header).toMatchObject({ alg: 'EdDSA', typ: 'at+jwt' });
    const jwks = (await (await fetch(new URL('/.well-known/jwks.json', replica.url))).json()) as {
      keys: { kid: string }[];
    };
    expect(jwks.keys.map(({ kid }) => kid)).toContain(header['kid']);
  });

  test('may be for one tool', async () => {
    const { sender } = await newMember('AGENT');
    expect((await issue(sender, { tool: 'read file' })).scope).toBe('mcp:files:read%20file');
    expect((await issue(sender, { tool: '' })).faults).toEqual(['tool INVALID_FORMAT']);
    expect((await issue(sender, { tool: 'x'.repeat(201) })).faults).toEqual([
      'tool INVALID_FORMAT',
    ]);
  });

  test('does not outlive the session, and is no key to this API', async () => {
    const { sender } = await newMember('AGENT');
    const { accessToken, expiresAt } = await issue(sender);
    expect(Date.parse(expiresAt)).toBeLessThanOrEqual(harness.clock.nowMs + 600_000);
    const reply = await whoAmI({ url: replica.url, token: accessToken });
    expect(faultOf(reply)).toBe('TOKEN_AUDIENCE_WRONG');
  });

  test('leaves an entry in the organization’s audit trail, without the token', async () => {
    const { id, sender } = await newMember('AGENT');
    const { accessToken } = await issue(sender);
    const [entry] = await harness.store.withOrganization(demo, (em) =>
      em.find(AuditLog, { actorId: id, action: 'proxy_token.issue' }),
    );
    expect(entry).toMatchObject({
      targetId: serverId,
      details: { after: { scope: 'mcp:files' }, tokenId: partOf(accessToken, 1)['jti'] },
      privateDetails: { clientAddress: '127.0.0.1' },
    });
    expect(JSON.stringify(entry)).not.toContain(accessToken.slice(-40));
  });

  test('is not given to who may not call, or is no member', async () => {
    const auditor = await newMember('AUDITOR');
    const input = { organizationId: demo, serverId };
    expect(faultOf(await send(auditor.sender, rawIssue, { input }))).toBe('FORBIDDEN');
    people += 1;
    const email = `person-${people}@example.com`;
    await makeUser(operator, email, password);
    const { accessToken } = await login({ url: replica.url }, email, password);
    const stranger = { url: replica.url, token: accessToken };
    expect(faultOf(await send(stranger, rawIssue, { input }))).toBe('NOT_FOUND');
  });

  test('is not given for a server of another organization', async () => {
    const { sender } = await newMember('AGENT');
    const missing = { serverId: crypto.randomUUID() };
    expect((await issue(sender, missing)).faults).toEqual(['serverId NOT_FOUND']);
    expect((await issue(sender, { serverId: 'none' })).faults).toEqual(['serverId NOT_FOUND']);
    const { organization } = await mutate<{ organization: { id: string } }>(
      operator,
      'createOrganization',
      { slug: 'foreign', name: 'Foreign' },
      'organization { id }',
    );
    const made = await mutate<{ server: { id: string } }>(
      operator,
      'createServer',
      {
        ...{ organizationId: organization.id, slug: 'files', name: 'Files' },
        endpoints: [{ url: 'http://10.0.0.1/mcp' }],
      },
      'server { id }',
    );
    expect((await issue(sender, { serverId: made.server.id })).faults).toEqual([
      'serverId NOT_FOUND',
    ]);
  });

  test('needs the address of the proxy', async () => {
    const without = await harness.replica();
    const { sender } = await newMember('AGENT');
    expect((await issue({ ...sender, url: without.url })).faults).toEqual([' NOT_CONFIGURED']);
  });

  test('ends with its session: nodes of the organization are told in the same change', async () => {
    const { sender } = await newMember('AGENT');
    const { accessToken } = await issue(sender);
    const sessionId = String(partOf(accessToken, 1)['sid']);
    await send(sender, 'mutation { logout { endedCount } }');
    const found = await harness.store.withOrganization(demo, (em) =>
      em.find(Revocation, { sessionId }),
    );
    expect(found).toHaveLength(1);
  });

  test('is given by nobody whose session ends meanwhile without being told of', async () => {
    // Each round either gives no token, or its end is told: whichever came first.
    for (let round = 0; round < 5; round += 1) {
      const { sender } = await newMember('AGENT');
      const [issued] = await Promise.all([
        send<{ issueProxyToken: { scope: string | null } }>(sender, rawIssue, {
          input: { organizationId: demo, serverId },
        }),
        send(sender, 'mutation { logout { endedCount } }'),
      ]);
      const [, payload = ''] = sender.token?.split('.') ?? [];
      const { sid } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { sid: string };
      const told = await harness.store.withOrganization(demo, (em) =>
        em.count(Revocation, { sessionId: sid }),
      );
      expect(told).toBe(issued.data?.issueProxyToken?.scope ? 1 : 0);
    }
  });
});
