import { credentialId } from '../common/credential.ts';
import { GraphqlClient, type UserError, unwrap } from './graphql-client.ts';
import { readSecretFile, writeSecretFile } from './secret-file.ts';

export interface DemoOrganizationOptions {
  readonly graphqlUrl: string;
  readonly adminEmail: string;
  readonly adminPassword: string;
  /** MCP servers that the organization has, and where they are now. */
  readonly servers: readonly {
    readonly slug: string;
    readonly name: string;
    readonly url: string;
  }[];
  /** Where the node's token is kept. */
  readonly credentialFile: string;
  /** Where the API key is kept: the platform itself shows it once. */
  readonly apiKeyFile: string;
  /** Gives up when it is aborted. */
  readonly signal: AbortSignal;
}

export interface DemoOrganization {
  /** Slug. */
  readonly organization: string;
  readonly apiKey: string;
}

interface Organization {
  readonly id: string;
  readonly slug: string;
}

const slug = 'demo';

async function ensureOrganization(client: GraphqlClient): Promise<Organization> {
  const found = await client.request<{ organization: Organization | null }>(
    'query ($slug: String!) { organization(slug: $slug) { id slug } }',
    { slug },
  );
  if (found.organization !== null) return found.organization;
  const { createOrganization } = await client.request<{
    createOrganization: { organization: Organization | null; userErrors: UserError[] };
  }>(
    `mutation ($input: CreateOrganizationInput!) {
       createOrganization(input: $input) { organization { id slug } userErrors { path message } }
     }`,
    { input: { slug, name: 'Demo' } },
  );
  return unwrap(createOrganization, createOrganization.organization);
}

interface Server {
  readonly id: string;
  readonly slug: string;
  readonly version: number;
  readonly endpoints: readonly { readonly url: string }[];
}

type DemoServer = DemoOrganizationOptions['servers'][number];

async function ensureServer(
  client: GraphqlClient,
  organizationId: string,
  known: readonly Server[],
  { slug: serverSlug, name, url }: DemoServer,
): Promise<void> {
  const server = known.find((candidate) => candidate.slug === serverSlug);
  const endpoints = [{ url }];
  if (server === undefined) {
    const { createServer } = await client.request<{ createServer: { userErrors: UserError[] } }>(
      'mutation ($input: CreateServerInput!) { createServer(input: $input) { userErrors { path message } } }',
      { input: { organizationId, slug: serverSlug, name, endpoints } },
    );
    unwrap(createServer, true);
  } else if (server.endpoints.length !== 1 || server.endpoints[0]?.url !== url) {
    const { id, version } = server;
    const { updateServer } = await client.request<{ updateServer: { userErrors: UserError[] } }>(
      'mutation ($input: UpdateServerInput!) { updateServer(input: $input) { userErrors { path message } } }',
      { input: { organizationId, id, version, endpoints } },
    );
    unwrap(updateServer, true);
  }
}

async function ensureServers(
  client: GraphqlClient,
  organizationId: string,
  servers: readonly DemoServer[],
): Promise<void> {
  const { organization } = await client.request<{
    organization: { servers: { nodes: Server[] } };
  }>(
    `query ($id: ID!) {
       organization(id: $id) { servers(first: 50) { nodes { id slug version endpoints { url } } } }
     }`,
    { id: organizationId },
  );
  for (const server of servers) {
    await ensureServer(client, organizationId, organization.servers.nodes, server);
  }
}

const agentName = 'quickstart-agent';

async function ensureServiceAccount(
  client: GraphqlClient,
  organizationId: string,
): Promise<string> {
  const { organization } = await client.request<{
    organization: { serviceAccounts: { nodes: { id: string; name: string }[] } };
  }>(
    'query ($id: ID!, $name: String!) { organization(id: $id) { serviceAccounts(first: 10, filter: { search: $name }) { nodes { id name } } } }',
    { id: organizationId, name: agentName },
  );
  const known = organization.serviceAccounts.nodes.find(({ name }) => name === agentName);
  if (known !== undefined) return known.id;
  const { createServiceAccount } = await client.request<{
    createServiceAccount: { serviceAccount: { id: string } | null; userErrors: UserError[] };
  }>(
    'mutation ($input: CreateServiceAccountInput!) { createServiceAccount(input: $input) { serviceAccount { id } userErrors { path message } } }',
    { input: { organizationId, name: agentName, role: 'AGENT' } },
  );
  return unwrap(createServiceAccount, createServiceAccount.serviceAccount).id;
}

async function ensureApiKey(
  client: GraphqlClient,
  organizationId: string,
  file: string,
): Promise<string> {
  const earlier = readSecretFile(file);
  const keyId = earlier === undefined ? undefined : credentialId('apiKey', earlier);
  if (earlier !== undefined && keyId !== undefined) {
    const { organization } = await client.request<{
      organization: { apiKeys: { nodes: { keyId: string; revokedAt: string | null }[] } };
    }>(
      'query ($id: ID!) { organization(id: $id) { apiKeys(first: 100) { nodes { keyId revokedAt } } } }',
      { id: organizationId },
    );
    const record = organization.apiKeys.nodes.find((candidate) => candidate.keyId === keyId);
    if (record?.revokedAt === null) return earlier;
  }
  const serviceAccountId = await ensureServiceAccount(client, organizationId);
  const { createApiKey } = await client.request<{
    createApiKey: { key: string | null; userErrors: UserError[] };
  }>(
    'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { key userErrors { path message } } }',
    { input: { organizationId, serviceAccountId, label: 'Quickstart agent' } },
  );
  const key = unwrap(createApiKey, createApiKey.key);
  writeSecretFile(file, key);
  return key;
}

/** Whether the node's token of an earlier start is one that this database knows. */
async function isNodeTokenGood(client: GraphqlClient, token: string): Promise<boolean> {
  const tokenId = credentialId('nodeToken', token);
  const { nodeTokens } = await client.request<{
    nodeTokens: { nodes: { tokenId: string; revokedAt: string | null }[] };
  }>('{ nodeTokens(first: 100) { nodes { tokenId revokedAt } } }');
  return nodeTokens.nodes.some((known) => known.tokenId === tokenId && known.revokedAt === null);
}

async function ensureNodeToken(client: GraphqlClient, file: string): Promise<void> {
  const earlier = readSecretFile(file);
  if (earlier !== undefined && (await isNodeTokenGood(client, earlier))) return;
  const { nodeGroups } = await client.request<{
    nodeGroups: { nodes: { id: string; name: string }[] };
  }>('{ nodeGroups(first: 100) { nodes { id name } } }');
  const nodeGroupId = nodeGroups.nodes.find(({ name }) => name === 'default')?.id;
  const { createNodeToken } = await client.request<{
    createNodeToken: { token: string | null; userErrors: UserError[] };
  }>(
    'mutation ($input: CreateNodeTokenInput!) { createNodeToken(input: $input) { token userErrors { path message } } }',
    { input: { nodeGroupId, name: 'quickstart' } },
  );
  writeSecretFile(file, unwrap(createNodeToken, createNodeToken.token));
}

/**
 * Sets up the demo organization with its servers, an API key and a node token, through the API as any
 * automation would. What an earlier start made stays as it is, changed addresses excepted.
 */
export async function ensureDemoOrganization(
  options: DemoOrganizationOptions,
): Promise<DemoOrganization> {
  const { graphqlUrl, adminEmail: email, adminPassword: password } = options;
  const client = new GraphqlClient(graphqlUrl, options.signal);
  const { login } = await client.request<{ login: { accessToken: string } }>(
    'mutation ($email: String!, $password: String!) { login(email: $email, password: $password) { accessToken } }',
    { email, password },
  );
  client.authenticate(login.accessToken);
  const organization = await ensureOrganization(client);
  await ensureServers(client, organization.id, options.servers);
  const apiKey = await ensureApiKey(client, organization.id, options.apiKeyFile);
  await ensureNodeToken(client, options.credentialFile);
  return { organization: organization.slug, apiKey };
}
