import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { startDefinitionRefresh } from '../../control-plane/definitions/refresh-loop.ts';
import { eventually } from '../support/control-stream.ts';
import {
  type DefinitionUpstream,
  startDefinitionUpstream,
} from '../support/definition-upstream.ts';
import {
  dataOf,
  type GraphqlHarness,
  logIn,
  openHarness,
  operatorEmail,
  type Replica,
} from './graphql-harness.ts';

interface ToolNode {
  readonly name: string;
  readonly hash: string;
  readonly approval: string;
  readonly pinnedHash: string | null;
  readonly annotations: object;
  readonly claimedAnnotations: object;
}

interface Payload {
  readonly tool: ToolNode | null;
  readonly revision: number | null;
  readonly userErrors: readonly { readonly path: readonly string[]; readonly code: string }[];
}

const hints = 'title readOnlyHint destructiveHint idempotentHint openWorldHint';
const fields = `name title description inputSchema definition hash approval pinnedHash
  pinnedDefinition approvedBy approvedAt offered firstSeenAt changedAt
  annotations { ${hints} } claimedAnnotations { ${hints} }`;
const cautious = {
  ...{ title: null, readOnlyHint: false, destructiveHint: true },
  ...{ idempotentHint: false, openWorldHint: true },
};
const silent = {
  ...{ title: null, readOnlyHint: null, destructiveHint: null },
  ...{ idempotentHint: null, openWorldHint: null },
};

let tools = [
  { name: 'read', title: 'Read', inputSchema: {}, annotations: { readOnlyHint: true } },
  { name: 'write', description: 'Writes 100% of it', inputSchema: { type: 'object' } },
];
let harness: GraphqlHarness;
let replica: Replica;
let upstream: DefinitionUpstream;
let worker: { close(): Promise<void> };
let token: string;
let organizationId: string;
let serverId: string;

beforeAll(async () => {
  harness = await openHarness();
  replica = await harness.replica();
  upstream = await startDefinitionUpstream(({ method }) => {
    if (method === 'tools/list') return { tools };
    if (method === 'prompts/list') return { prompts: [{ name: 'p', title: 'Prompt' }] };
    return method === 'resources/list'
      ? { resources: [{ name: 'r', uri: 'file:///r' }] }
      : undefined;
  });
  worker = startDefinitionRefresh({
    ...{ store: harness.store, masterKeys: harness.database.masterKeys },
    ...{ logger: pino({ level: 'silent' }), random: () => 0.5, intervalMs: 3_600_000 },
    ...{ privateUpstreamsAllowed: true, pollIntervalMs: 20 },
  });
  token = await logIn(replica, operatorEmail);
  organizationId = harness.platform.organization.id;
  serverId = await createServer('tools', upstream.url);
});

afterAll(async () => {
  await worker.close();
  await upstream.close();
  await harness.close();
});

async function createServer(slug: string, url: string): Promise<string> {
  const reply = await replica.post<{ createServer: { server: { id: string } | null } }>(
    'mutation($input: CreateServerInput!) { createServer(input: $input) { server { id } } }',
    { input: { organizationId, slug, name: slug, endpoints: [{ url }] } },
    token,
  );
  const { server } = dataOf(reply).createServer;
  if (server === null) throw new Error(reply.text);
  return server.id;
}

async function definitionsOf(id = serverId) {
  const reply = await replica.post<{
    server: { definitions: Record<string, string | number | null> } | null;
  }>(
    `query($organizationId: ID!, $id: ID!) { server(organizationId: $organizationId, id: $id) {
       definitions { fetchedAt failedAt error warning failures nextFetchAt } } }`,
    { organizationId, id },
    token,
  );
  return dataOf(reply).server?.definitions ?? {};
}

const fetchedOnce = () =>
  eventually(definitionsOf, (definitions) => typeof definitions['fetchedAt'] === 'string');

async function list(filter: object = {}, page = 'first: 50'): Promise<readonly ToolNode[]> {
  const reply = await replica.post<{ organization: { tools: { nodes: readonly ToolNode[] } } }>(
    `query($id: ID!, $filter: ToolFilter) { organization(id: $id) {
       tools(filter: $filter, ${page}) { nodes { ${fields} } } } }`,
    { id: organizationId, filter },
    token,
  );
  return dataOf(reply).organization.tools.nodes;
}

async function tool(name: string): Promise<ToolNode> {
  const found = (await list()).find((node) => node.name === name);
  if (found === undefined) throw new Error(`There is no tool ${name}.`);
  return found;
}

async function mutate(name: string, type: string, input: object): Promise<Payload> {
  const reply = await replica.post<{ result: Payload }>(
    `mutation($input: ${type}!) { result: ${name}(input: $input) {
       tool { ${fields} } revision userErrors { path code } } }`,
    { input: { organizationId, serverId, ...input } },
    token,
  );
  return dataOf(reply).result;
}

const approve = (input: object) => mutate('approveTool', 'ApproveToolInput', input);
const revoke = (name: string) =>
  mutate('revokeToolApproval', 'RevokeToolApprovalInput', { tool: name });

async function lastAudit(action: string): Promise<object | undefined> {
  const [entry] = await harness.store.withSystem((em) =>
    em.execute<{ details: object }[]>(
      'select details from audit_logs where action = ? order by at desc, sequence desc limit 1',
      [action],
    ),
  );
  return entry?.details;
}

describe('what servers offer, in GraphQL', () => {
  test('is there soon after a server was made, and nothing of it is approved', async () => {
    expect(await fetchedOnce()).toMatchObject({ failedAt: null, error: null, warning: null });
    expect(await list()).toMatchObject([
      {
        ...{ name: 'read', title: 'Read', description: null, inputSchema: {}, offered: true },
        ...{ approval: 'NOT_APPROVED', pinnedHash: null, approvedBy: null },
        definition: tools[0],
        annotations: cautious,
        claimedAnnotations: { ...silent, readOnlyHint: true },
      },
      { name: 'write', annotations: cautious, claimedAnnotations: silent },
    ]);
  });

  test('is found by server, text and approval, page by page', async () => {
    const names = async (...args: Parameters<typeof list>) =>
      (await list(...args)).map(({ name }) => name);
    expect(await names({ serverId })).toEqual(['read', 'write']);
    expect(await names({ serverId: organizationId })).toEqual([]);
    expect(await names({ serverId: 'none' })).toEqual([]);
    expect(await names({ search: 'REA' })).toEqual(['read']);
    expect(await names({ search: '100%' })).toEqual(['write']);
    expect(await names({ search: '0%o' })).toEqual([]);
    expect(await names({ approval: 'NOT_APPROVED' })).toEqual(['read', 'write']);
    expect(await names({ approval: 'APPROVED' })).toEqual([]);
    expect(await names({}, 'first: 1')).toEqual(['read']);
    expect(await names({}, 'last: 1')).toEqual(['write']);
    const reply = await replica.post<{
      organization: { tools: { pageInfo: { endCursor: string; hasNextPage: boolean } } };
    }>(
      `query($id: ID!) { organization(id: $id) {
         tools(first: 1) { pageInfo { endCursor hasNextPage } } } }`,
      { id: organizationId },
      token,
    );
    const { endCursor, hasNextPage } = dataOf(reply).organization.tools.pageInfo;
    expect(hasNextPage).toBe(true);
    expect(await names({}, `first: 1, after: "${endCursor}"`)).toEqual(['write']);
  });

  test('is more than tools', async () => {
    const reply = await replica.post<{ organization: object }>(
      `query($id: ID!) { organization(id: $id) {
         resources { nodes { name title } } resourceTemplates { nodes { name } }
         prompts(filter: { search: "prom" }) { nodes { name title serverId } } } }`,
      { id: organizationId },
      token,
    );
    expect(dataOf(reply).organization).toEqual({
      resources: { nodes: [{ name: 'file:///r', title: null }] },
      resourceTemplates: { nodes: [] },
      prompts: { nodes: [{ name: 'p', title: 'Prompt', serverId }] },
    });
  });
});

describe('an approval', () => {
  test('lets the annotations count, is noted, and is written once', async () => {
    const { hash } = await tool('read');
    const approved = await approve({ tool: 'read', hash });
    expect(approved).toMatchObject({
      tool: {
        ...{ approval: 'APPROVED', pinnedHash: hash },
        approvedBy: `user:${harness.platform.operator.id}`,
        annotations: { ...cautious, readOnlyHint: true },
      },
      userErrors: [],
    });
    expect(await lastAudit('tool.approve')).toMatchObject({
      ...{ serverId, tool: 'read' },
      after: { definitionSha256: hash, annotations: { readOnlyHint: true } },
    });
    const again = await approve({ tool: 'read', hash: hash.toUpperCase() });
    expect(again).toMatchObject({ revision: null, userErrors: [] });
  });

  test('of what is no longer offered is refused, and so is one of nothing', async () => {
    const other = 'ab'.repeat(32);
    expect((await approve({ tool: 'write', hash: other })).userErrors).toEqual([
      { path: ['hash'], code: 'VERSION_CONFLICT' },
    ]);
    for (const name of ['none', '', 'a\0', 'x'.repeat(5000)]) {
      expect((await approve({ tool: name, hash: other })).userErrors).toEqual([
        { path: ['tool'], code: 'NOT_FOUND' },
      ]);
      expect((await revoke(name)).userErrors).toEqual([{ path: ['tool'], code: 'NOT_FOUND' }]);
    }
    for (const id of ['none', organizationId]) {
      expect((await approve({ serverId: id, tool: 'read', hash: other })).userErrors).toEqual([
        { path: ['serverId'], code: 'NOT_FOUND' },
      ]);
    }
  });

  test('stays as it was given when the server says something else', async () => {
    const before = await tool('read');
    tools = [
      { name: 'read', title: 'Read', inputSchema: {}, annotations: { readOnlyHint: false } },
    ];
    const reply = await replica.post<{ refreshServerDefinitions: object }>(
      `mutation($input: ServerDefinitionsInput!) { refreshServerDefinitions(input: $input) {
         server { id } userErrors { code } } }`,
      { input: { organizationId, serverId } },
      token,
    );
    expect(dataOf(reply).refreshServerDefinitions).toEqual({
      server: { id: serverId },
      userErrors: [],
    });
    const after = await eventually(
      () => tool('read'),
      ({ hash }) => hash !== before.hash,
    );
    expect(after).toMatchObject({
      ...{ approval: 'CHANGED', pinnedHash: before.hash },
      pinnedDefinition: { annotations: { readOnlyHint: true } },
      annotations: { readOnlyHint: true },
      claimedAnnotations: { readOnlyHint: false },
    });
    // Never approved, and gone: nothing is left of it.
    expect((await list()).map(({ name }) => name)).toEqual(['read']);
    expect(await list({ approval: 'CHANGED' })).toHaveLength(1);
  });

  test('of all that a server offers names each in its entry', async () => {
    const { hash, pinnedHash } = await tool('read');
    const reply = await replica.post<{ approveServerTools: object }>(
      `mutation($input: ServerDefinitionsInput!) { approveServerTools(input: $input) {
         approvedCount userErrors { code } } }`,
      { input: { organizationId, serverId } },
      token,
    );
    expect(dataOf(reply).approveServerTools).toEqual({ approvedCount: 1, userErrors: [] });
    expect(await lastAudit('server.approve_tools')).toMatchObject({
      tools: [{ tool: 'read', before: pinnedHash, after: hash }],
    });
    expect(await tool('read')).toMatchObject({ approval: 'APPROVED', annotations: cautious });
  });

  test('taken back leaves the cautious defaults', async () => {
    const revoked = await revoke('read');
    expect(revoked).toMatchObject({
      tool: { approval: 'NOT_APPROVED', pinnedHash: null, annotations: cautious },
      userErrors: [],
    });
    expect(revoked.revision).not.toBeNull();
    expect(await lastAudit('tool.revoke')).toMatchObject({ serverId, tool: 'read' });
    expect(await revoke('read')).toMatchObject({ revision: null, userErrors: [] });
  });
});

test('a server that fails says why', async () => {
  const id = await createServer('broken', 'http://127.0.0.1:1/mcp');
  const definitions = await eventually(
    () => definitionsOf(id),
    ({ failedAt }) => typeof failedAt === 'string',
  );
  expect(definitions).toMatchObject({
    fetchedAt: null,
    error: 'The server failed: it refuses connections.',
    warning: null,
  });
});
