import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import {
  Client as Client2,
  StreamableHTTPClientTransport as Transport2,
  type Transport as TransportOf2,
} from '@modelcontextprotocol/client';
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as Transport1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport as TransportOf1 } from '@modelcontextprotocol/sdk/shared/transport.js';
import { type Product, startProduct } from '../support/client-product.ts';
import { startTimeoutMs } from '../support/client-providers.ts';
import { startReference, type UpstreamProcess } from '../support/client-upstreams.ts';
import { claimsOf, OauthClient } from '../support/oauth-client.ts';
import { runInspectorWithOauth } from '../support/oauth-inspector.ts';
import { trustIssuer, untilKeys, untilNodesFollow } from '../support/oauth-issuer.ts';
import { type OidcProvider, startOidcProvider } from '../support/oidc-provider.ts';

let provider: OidcProvider;
let upstream: UpstreamProcess;
let product: Product;
let routeUrl: string;
let otherRouteUrl: string;
let issuerId: string;

beforeAll(async () => {
  provider = await startOidcProvider({ resourceScopes: 'mcp:reference mcp:other' });
  upstream = await startReference();
  product = await startProduct({
    allowedHosts: [],
    controlPlaneEnvironment: { MCPGW_ISSUER_REFRESH_INTERVAL_MS: '10000' },
  });
  routeUrl = (await product.serve({ slug: 'reference', url: upstream.url })).url;
  otherRouteUrl = (await product.serve({ slug: 'other', url: upstream.url })).url;
  issuerId = await trustIssuer(product, {
    issuerUrl: provider.issuerUrl,
    roleClaim: ['groups'],
    roleMappings: [{ value: 'engineers', role: 'agent' }],
  });
  await untilKeys(product, issuerId, ['key-1']);
  await untilNodesFollow(product);
}, startTimeoutMs);

afterAll(async () => {
  await product.close();
  await upstream.stop();
  await provider.close();
});

beforeEach(() => {
  provider.person = { sub: 'somebody', groups: ['engineers'] };
});

/** One SDK, as far as this test needs it. */
interface Connection {
  /** Rejects when there is no token yet, with the client's authorization URL set. */
  connect(): Promise<void>;
  finish(callback: URL): Promise<void>;
  callTool(): Promise<string>;
  close(): Promise<void>;
}

function textOf(result: object): string {
  const [first] = 'content' in result ? (result.content as { text?: string }[]) : [];
  return first?.text ?? '';
}

type Connect = (oauth: OauthClient) => Connection;

function sdk2(mode: 'legacy' | 'auto'): Connect {
  return (oauth) => {
    const client = new Client2({ name: 'sdk-2.4', version: '1' }, { versionNegotiation: { mode } });
    const transport = new Transport2(new URL(routeUrl), { authProvider: oauth });
    return {
      connect: () => client.connect(transport as TransportOf2),
      finish: (callback) => transport.finishAuth(callback.searchParams),
      callTool: async () => textOf(await client.callTool({ name: 'test_simple_text' })),
      close: () => client.close(),
    };
  };
}

const sdk1: Connect = (oauth) => {
  const client = new Client1({ name: 'sdk-1.32', version: '1' });
  const transport = new Transport1(new URL(routeUrl), { authProvider: oauth });
  return {
    connect: () => client.connect(transport as TransportOf1),
    finish: (callback) => transport.finishAuth(callback.searchParams.get('code') ?? ''),
    callTool: async () => textOf(await client.callTool({ name: 'test_simple_text' })),
    close: () => client.close(),
  };
};

const greeting = 'This is a simple text response for testing.';

/** From no token to one: what the client does by itself, and what a person does in a browser. */
async function authorize(oauth: OauthClient, connect: Connect = sdk2('legacy')): Promise<void> {
  const first = connect(oauth);
  await expect(first.connect()).rejects.toThrow(/unauthorized/i);
  if (oauth.authorizationUrl === undefined) throw new Error('The client asked for nothing.');
  const callback = await provider.authorize(oauth.authorizationUrl.href);
  expect(callback.searchParams.get('state')).toBe(oauth.state());
  await first.finish(callback);
  await first.close();
}

/** A token for the reference server, from a flow of its own. */
async function freshToken(): Promise<string> {
  const oauth = new OauthClient();
  await authorize(oauth);
  return oauth.tokens()?.access_token ?? '';
}

async function status(
  url: string,
  token: string | undefined,
): Promise<{ status: number; challenge: string; reason: string }> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: {
        protocolVersion: '2025-11-25',
        capabilities: {},
        clientInfo: { name: 'test', version: '1' },
      },
    }),
  });
  const text = await response.text();
  return {
    status: response.status,
    challenge: response.headers.get('www-authenticate') ?? '',
    reason: /"reason":"([a-z_]+)"/.exec(text)?.[1] ?? '',
  };
}

describe('an agent gets in by OAuth', () => {
  test.each([
    ['SDK 2.4 (legacy)', sdk2('legacy')],
    ['SDK 2.4 (auto)', sdk2('auto')],
    ['SDK 1.32', sdk1],
  ])(
    '%s goes from 401 over the metadata and the provider to an answered call',
    async (_name, connect) => {
      const oauth = new OauthClient();
      await authorize(oauth, connect);
      const asked = oauth.authorizationUrl?.searchParams;
      expect(asked?.get('resource')).toBe(routeUrl);
      expect(asked?.get('scope')).toContain('mcp:reference');
      expect(claimsOf(oauth.tokens()?.access_token ?? '')).toMatchObject({
        iss: provider.issuerUrl,
        aud: routeUrl,
        sub: 'somebody',
        scope: expect.stringContaining('mcp:reference'),
      });

      const connection = connect(oauth);
      await connection.connect();
      expect(await connection.callTool()).toBe(greeting);
      await connection.close();
    },
  );

  test('without a token a caller is told where the metadata is, and there which issuer to ask', async () => {
    const { status: code, challenge } = await status(routeUrl, undefined);
    expect(code).toBe(401);
    const metadataUrl = /resource_metadata="([^"]+)"/.exec(challenge)?.[1] ?? '';
    const metadata = (await (await fetch(metadataUrl)).json()) as object;
    expect(metadata).toMatchObject({
      resource: routeUrl,
      authorization_servers: [provider.issuerUrl],
    });
  });

  test('a token for one server is refused at another', async () => {
    const token = await freshToken();
    expect((await status(routeUrl, token)).status).toBe(200);
    expect(await status(otherRouteUrl, token)).toMatchObject({
      status: 401,
      reason: 'token_audience_wrong',
    });
  });

  test('who matches no mapping is refused', async () => {
    provider.person = { sub: 'a visitor', groups: ['visitors'] };
    expect(await status(routeUrl, await freshToken())).toMatchObject({
      status: 403,
      reason: 'role_missing',
    });
  });

  test('a provider changes its key without an outage, and one that it takes back ends', async () => {
    const before = await freshToken();
    expect((await status(routeUrl, before)).status).toBe(200);

    // Published ahead of its use; nodes have it once the worker has looked.
    await provider.publishKey();
    await untilKeys(product, issuerId, provider.keyIds());
    await untilNodesFollow(product);
    expect((await status(routeUrl, before)).status).toBe(200);

    provider.signWithNewest();
    const after = await freshToken();
    expect((await status(routeUrl, before)).status).toBe(200);
    expect((await status(routeUrl, after)).status).toBe(200);

    provider.dropOldKeys();
    await untilKeys(product, issuerId, provider.keyIds());
    await untilNodesFollow(product);
    expect(await status(routeUrl, before)).toMatchObject({ status: 401 });
    expect((await status(routeUrl, after)).status).toBe(200);
  }, 60_000);

  test('the Inspector logs in once, and goes on with what it stored', async () => {
    const home = await mkdtemp(path.join(tmpdir(), 'mcpgw-inspector-'));
    try {
      const first = await runInspectorWithOauth(routeUrl, home, [], provider.authorize);
      expect(first).toMatchObject({
        exitCode: 0,
        stdout: expect.stringContaining('test_simple_text'),
      });
      const never = () => Promise.reject(new Error('It asked for a log-in again.'));
      const again = await runInspectorWithOauth(routeUrl, home, ['--stored-auth-only'], never);
      expect(again).toMatchObject({
        exitCode: 0,
        stdout: expect.stringContaining('test_simple_text'),
      });
    } finally {
      await rm(home, { recursive: true, force: true });
    }
  }, 90_000);

  test('an issuer that is switched off vouches for nobody', async () => {
    const token = await freshToken();
    const { graphql, organizationId } = product;
    const { issuer } = await graphql.request<{ issuer: { version: number } }>(
      `query ($organizationId: ID!, $id: ID!) {
         issuer(organizationId: $organizationId, id: $id) { version } }`,
      { organizationId, id: issuerId },
    );
    const set = async (version: number, proxyEnabled: boolean) => {
      await graphql.request(
        `mutation ($input: UpdateIssuerInput!) {
           updateIssuer(input: $input) { userErrors { path } } }`,
        { input: { organizationId, id: issuerId, version, proxyEnabled } },
      );
      await untilNodesFollow(product);
    };
    await set(issuer.version, false);
    expect(await status(routeUrl, token)).toMatchObject({
      status: 401,
      reason: 'token_issuer_unknown',
    });
    await set(issuer.version + 1, true);
    expect((await status(routeUrl, token)).status).toBe(200);
  });
});
