import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { eventually } from '../support/control-stream.ts';
import { AgentSession } from '../support/product-agent.ts';
import { ProductCluster, type ServedOrganization } from '../support/product-cluster.ts';

const publicUrl = 'https://gateway.example/tools';

let cluster: ProductCluster;
let acme: ServedOrganization;

beforeAll(async () => {
  const environment = { MCPGW_PUBLIC_URL: publicUrl };
  cluster = await ProductCluster.start({
    replicaEnvironment: environment,
    nodeEnvironment: environment,
  });
  acme = await cluster.serve('acme');
}, 90_000);

afterAll(() => cluster.close());

interface IssuedProxyToken {
  readonly accessToken: string | null;
  readonly url: string | null;
  readonly scope: string | null;
  readonly userErrors: readonly { readonly message: string }[];
}

async function issue(tool?: string): Promise<{ token: string; url: string; scope: string }> {
  const { issueProxyToken } = await cluster.admin.send<{ issueProxyToken: IssuedProxyToken }>(
    `mutation ($input: IssueProxyTokenInput!) {
      issueProxyToken(input: $input) { accessToken url scope userErrors { message } }
    }`,
    { input: { organizationId: acme.organization.id, serverId: acme.server.id, tool } },
  );
  const { accessToken, url, scope, userErrors } = issueProxyToken;
  if (accessToken === null || url === null || scope === null) {
    throw new Error(JSON.stringify(userErrors));
  }
  return { token: accessToken, url, scope };
}

/** Status and reason of a call, sent to the node itself as a reverse proxy would. */
async function refusal(token: string, slug = 'reference') {
  const url = acme.route().url.replace('/reference/', `/${slug}/`);
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: '{}',
  });
  const body = (await response.json()) as { error: { data: { reason: string } } };
  return [response.status, body.error.data.reason] as const;
}

describe('a person’s token for the proxy', () => {
  test('is for the address under the public URL, and opens it', async () => {
    const { token, url, scope } = await issue();
    expect([url, scope]).toEqual([`${publicUrl}/acme/reference/mcp`, 'mcp:reference']);
    const session = await AgentSession.begin(acme.route(0, token));
    expect(await session.call('test_simple_text')).toMatchObject({ status: 200 });
    await session.close();
    const subject = /^user:/;
    await eventually(
      () => cluster.admin.requestLog(acme.organization.id),
      (log) => log.some(({ target }) => target === 'test_simple_text'),
    );
    expect(await recordedSubjects()).toEqual(
      expect.arrayContaining([expect.stringMatching(subject)]),
    );
  });

  test('opens no other server', async () => {
    const { token } = await issue();
    expect(await refusal(token, 'other')).toEqual([401, 'token_audience_wrong']);
  });

  test('is no credential for the GraphQL API', async () => {
    const { token } = await issue();
    const response = await fetch(cluster.replica().graphqlUrl, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ query: '{ viewer { __typename } }' }),
    });
    expect(JSON.stringify(await response.json())).toContain('UNAUTHENTICATED');
  });

  test('of the GraphQL API is none for the proxy', async () => {
    expect(await refusal(cluster.admin.accessToken)).toEqual([401, 'token_audience_wrong']);
  });
});

async function recordedSubjects(): Promise<string[]> {
  const client = await cluster.database?.connect('owner');
  const result = await client?.query<{ subject: string }>('select subject from request_logs');
  return result?.rows.map(({ subject }) => subject) ?? [];
}

test('an organization without an issuer has no metadata', async () => {
  const { origin } = new URL(acme.route().url);
  const path = '/.well-known/oauth-protected-resource/acme/reference/mcp';
  expect((await fetch(`${origin}${path}`)).status).toBe(404);
});
