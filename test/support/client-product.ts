import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { GraphqlClient, type UserError, unwrap } from '../../quickstart/graphql-client.ts';
import type { GatewayUnderTest, GatewayUnderTestOptions } from './client-gateway.ts';
import { jsonLine, startProcess } from './client-process.ts';

/** The whole product: `control-plane all` with its own PostgreSQL, and one `data-plane proxy`. */
export interface Product extends GatewayUnderTest {
  readonly nodePid: number;
  /** The API, as the administrator of the organization `acme`. */
  readonly graphql: GraphqlClient;
  readonly organizationId: string;
  /** Enables or disables a served server; resolves with the mutation's response. */
  setEnabled(slug: string, enabled: boolean): Promise<void>;
}

export interface ProductOptions extends GatewayUnderTestOptions {
  /** Where the built product is; default: `dist`. */
  readonly distFolder?: string;
  /** Settings of the control plane besides the test's own. */
  readonly controlPlaneEnvironment?: Readonly<Record<string, string>>;
}

const adminEmail = 'admin@example.com';
const readyTimeoutMs = 60_000;
const routedTimeoutMs = 10_000;

const controlPlaneReady = jsonLine(
  z.object({ addresses: z.object({ graphqlUrl: z.url(), grpcAddress: z.string() }) }),
);
const nodeReady = jsonLine(z.object({ addresses: z.object({ proxyUrl: z.url() }) }));

/** A server as mutations know it; each change needs the version that it is based on. */
interface ServerHandle {
  readonly id: string;
  version: number;
}

/** Starts the product as processes of its own, with data of its own, and an organization `acme`. */
export async function startProduct(options: ProductOptions): Promise<Product> {
  const cleanup = new AsyncDisposableStack();
  try {
    const dataDir = await mkdtemp(path.join(tmpdir(), 'mcpgw-product-'));
    cleanup.defer(() => rm(dataDir, { recursive: true, force: true }));
    const dist = options.distFolder ?? process.env['TEST_DIST'] ?? 'dist';
    const client = await startControlPlane(dist, dataDir, options, cleanup);
    const organizationId = await createOrganization(client.graphql);
    const apiKey = await createApiKey(client.graphql, organizationId);
    const node = await startNode(dist, dataDir, client, options, cleanup);
    const servers = new Map<string, ServerHandle>();
    return {
      nodePid: node.pid,
      graphql: client.graphql,
      organizationId,
      serve: async ({ slug, url }) => {
        servers.set(slug, await createServer(client.graphql, organizationId, slug, url));
        const routeUrl = `${node.proxyUrl}/acme/${slug}/mcp`;
        await untilRouted(routeUrl, apiKey);
        return { url: routeUrl, apiKey };
      },
      setEnabled: async (slug, enabled) => {
        const server = servers.get(slug);
        if (!server) throw new Error(`No server ${slug} is served.`);
        server.version = await updateServer(client.graphql, organizationId, server, enabled);
      },
      close: () => cleanup.disposeAsync(),
    };
  } catch (error) {
    await cleanup.disposeAsync();
    throw error;
  }
}

/** Waits until the node has both the key and the server; what the server then says is its own affair. */
async function untilRouted(url: string, apiKey: string): Promise<void> {
  const deadline = Date.now() + routedTimeoutMs;
  const headers = {
    authorization: `Bearer ${apiKey}`,
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
  };
  for (;;) {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' });
    const response = await fetch(url, { method: 'POST', headers, body });
    const text = await response.text();
    if (!/"(credential_invalid|server_not_found|configuration_missing)"/.test(text)) return;
    if (Date.now() > deadline) throw new Error(`${url} is not served: ${text}`);
    await pause(10);
  }
}

interface ControlPlaneClient {
  readonly graphql: GraphqlClient;
  readonly grpcAddress: string;
}

async function startControlPlane(
  dist: string,
  dataDir: string,
  options: ProductOptions,
  cleanup: AsyncDisposableStack,
): Promise<ControlPlaneClient> {
  const passwordFile = path.join(dataDir, 'admin-password');
  const password = randomBytes(18).toString('base64url');
  await writeFile(passwordFile, password, { mode: 0o600 });
  const { value, stop } = await startProcess(
    {
      args: [`${dist}/control-plane/main.js`, 'all'],
      readyTimeoutMs,
      environment: {
        MCPGW_DATA_DIR: path.join(dataDir, 'control-plane'),
        MCPGW_GRAPHQL_PORT: '0',
        MCPGW_GRPC_PORT: '0',
        MCPGW_BOOTSTRAP_OPERATOR_EMAIL: adminEmail,
        MCPGW_BOOTSTRAP_OPERATOR_PASSWORD_FILE: passwordFile,
        ...options.controlPlaneEnvironment,
      },
    },
    controlPlaneReady,
  );
  cleanup.defer(stop);
  const closing = new AbortController();
  cleanup.defer(() => closing.abort());
  const graphql = new GraphqlClient(value.addresses.graphqlUrl, closing.signal);
  const { login } = await graphql.request<{ login: { accessToken: string } }>(
    'mutation ($email: String!, $password: String!) { login(email: $email, password: $password) { accessToken } }',
    { email: adminEmail, password },
  );
  graphql.authenticate(login.accessToken);
  return { graphql, grpcAddress: value.addresses.grpcAddress };
}

async function startNode(
  dist: string,
  dataDir: string,
  { graphql, grpcAddress }: ControlPlaneClient,
  options: ProductOptions,
  cleanup: AsyncDisposableStack,
): Promise<{ pid: number; proxyUrl: string }> {
  const credentialFile = path.join(dataDir, 'node-credential');
  await writeFile(credentialFile, await createNodeToken(graphql), { mode: 0o600 });
  const { value, pid, stop } = await startProcess(
    {
      args: [`${dist}/data-plane/main.js`, 'proxy'],
      readyTimeoutMs,
      environment: {
        MCPGW_DATA_DIR: path.join(dataDir, 'node'),
        MCPGW_PROXY_PORT: '0',
        MCPGW_NODE_ADMIN_PORT: '0',
        MCPGW_CONTROL_PLANE_ADDRESSES: grpcAddress,
        MCPGW_NODE_CREDENTIAL_FILE: credentialFile,
        MCPGW_ALLOWED_HOSTS: options.allowedHosts.join(','),
      },
    },
    nodeReady,
  );
  cleanup.defer(stop);
  return { pid, proxyUrl: value.addresses.proxyUrl };
}

async function createOrganization(client: GraphqlClient): Promise<string> {
  const { createOrganization: payload } = await client.request<{
    createOrganization: { organization: { id: string } | null; userErrors: UserError[] };
  }>(
    `mutation ($input: CreateOrganizationInput!) {
       createOrganization(input: $input) { organization { id } userErrors { path message } }
     }`,
    { input: { slug: 'acme', name: 'Acme' } },
  );
  return unwrap(payload, payload.organization).id;
}

async function createApiKey(client: GraphqlClient, organizationId: string): Promise<string> {
  const { createServiceAccount: made } = await client.request<{
    createServiceAccount: { serviceAccount: { id: string } | null; userErrors: UserError[] };
  }>(
    `mutation ($input: CreateServiceAccountInput!) {
       createServiceAccount(input: $input) { serviceAccount { id } userErrors { path message } }
     }`,
    { input: { organizationId, name: 'test-agent', role: 'AGENT' } },
  );
  const serviceAccountId = unwrap(made, made.serviceAccount).id;
  const { createApiKey: payload } = await client.request<{
    createApiKey: { key: string | null; userErrors: UserError[] };
  }>(
    `mutation ($input: CreateApiKeyInput!) {
       createApiKey(input: $input) { key userErrors { path message } }
     }`,
    { input: { organizationId, serviceAccountId, label: 'test agent' } },
  );
  return unwrap(payload, payload.key);
}

async function createNodeToken(client: GraphqlClient): Promise<string> {
  const { nodeGroups } = await client.request<{
    nodeGroups: { nodes: { id: string; name: string }[] };
  }>('{ nodeGroups(first: 100) { nodes { id name } } }');
  const nodeGroupId = nodeGroups.nodes.find(({ name }) => name === 'default')?.id;
  const { createNodeToken: payload } = await client.request<{
    createNodeToken: { token: string | null; userErrors: UserError[] };
  }>(
    `mutation ($input: CreateNodeTokenInput!) {
       createNodeToken(input: $input) { token userErrors { path message } }
     }`,
    { input: { nodeGroupId, name: 'test' } },
  );
  return unwrap(payload, payload.token);
}

async function createServer(
  client: GraphqlClient,
  organizationId: string,
  slug: string,
  url: string,
): Promise<ServerHandle> {
  const { createServer: payload } = await client.request<{
    createServer: { server: ServerHandle | null; userErrors: UserError[] };
  }>(
    `mutation ($input: CreateServerInput!) {
       createServer(input: $input) { server { id version } userErrors { path message } }
     }`,
    { input: { organizationId, slug, name: slug, endpoints: [{ url }] } },
  );
  return unwrap(payload, payload.server);
}

/** The server's new version. */
async function updateServer(
  client: GraphqlClient,
  organizationId: string,
  { id, version }: ServerHandle,
  enabled: boolean,
): Promise<number> {
  const { updateServer: payload } = await client.request<{
    updateServer: { server: { version: number } | null; userErrors: UserError[] };
  }>(
    `mutation ($input: UpdateServerInput!) {
       updateServer(input: $input) { server { version } userErrors { path message } }
     }`,
    { input: { organizationId, id, version, enabled } },
  );
  return unwrap(payload, payload.server).version;
}
