import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { UserError } from '../../quickstart/graphql-client.ts';
import { type Product, startProduct } from '../support/client-product.ts';
import { clients, startTimeoutMs } from '../support/client-providers.ts';
import type { ClientSession } from '../support/client-session.ts';
import {
  type FilesystemUpstream,
  startBridgedFilesystem,
  startServerEverything,
  type UpstreamProcess,
} from '../support/client-upstreams.ts';
import { eventually } from '../support/control-stream.ts';

const writingTools = ['write_file', 'edit_file', 'create_directory', 'move_file'];

let everything: UpstreamProcess;
let filesystem: FilesystemUpstream;
let product: Product;
const routes = new Map<string, string>();
const keys = new Map<string, string>();

interface Payload {
  readonly userErrors: readonly UserError[];
}

/** Runs a mutation of the organization and returns its payload. */
async function mutate<Fields>(
  name: string,
  input: object,
  fields: string,
  type = `${name[0]?.toUpperCase()}${name.slice(1)}Input`,
): Promise<Fields> {
  const reply = await product.graphql.request<Record<string, Fields & Payload>>(
    `mutation ($input: ${type}!) {
       ${name}(input: $input) { ${fields} userErrors { path message } }
     }`,
    { input: { organizationId: product.organizationId, ...input } },
  );
  const payload = reply[name];
  if (payload === undefined) throw new Error(`${name} has no payload.`);
  expect(payload.userErrors).toEqual([]);
  return payload;
}

/** A key of a new service account. */
async function makeKey(name: string, account: object): Promise<void> {
  const { serviceAccount } = await mutate<{ serviceAccount: { id: string } }>(
    'createServiceAccount',
    { name, ...account },
    'serviceAccount { id }',
  );
  const { key } = await mutate<{ key: string }>(
    'createApiKey',
    { serviceAccountId: serviceAccount.id, label: name, scopes: ['mcp:*'] },
    'key',
  );
  keys.set(name, key);
}

/** Approves of everything that the worker found at a server, as soon as it has asked. */
async function approveTools(slug: string): Promise<void> {
  interface Found {
    readonly organization: {
      readonly servers: {
        readonly nodes: readonly {
          readonly id: string;
          readonly slug: string;
          readonly definitions: { readonly fetchedAt: string | null };
        }[];
      };
    };
  }
  const query = `query ($id: ID!) {
    organization(id: $id) { servers(first: 10) { nodes { id slug definitions { fetchedAt } } } }
  }`;
  const server = await eventually(
    async () => {
      const found = await product.graphql.request<Found>(query, { id: product.organizationId });
      return found.organization.servers.nodes.find((node) => node.slug === slug);
    },
    (found) => typeof found?.definitions.fetchedAt === 'string',
  );
  const input = { serverId: server?.id };
  const { approvedCount } = await mutate<{ approvedCount: number }>(
    'approveServerTools',
    input,
    'approvedCount',
    'ServerDefinitionsInput',
  );
  expect(approvedCount).toBeGreaterThan(10);
}

async function makePolicies(): Promise<void> {
  await mutate(
    'createPolicy',
    {
      name: 'audits-only-read',
      effect: 'DENY',
      roles: ['call-auditor'],
      tools: ['*'],
      condition: '!tool.annotations.readOnlyHint',
      message: 'Audits read and change nothing.',
    },
    'policy { id }',
  );
  await mutate(
    'createPolicy',
    {
      name: 'developers-write-in-projects',
      effect: 'DENY',
      roles: ['developer'],
      servers: ['filesystem'],
      tools: ['write_file', 'edit_file', 'create_directory'],
      condition: `!pathUnder(args.path, "${filesystem.folder}/projects")`,
      message: 'Write below projects.',
    },
    'policy { id }',
  );
  await mutate(
    'createPolicy',
    {
      name: 'agents-change-nothing',
      effect: 'DENY',
      roles: ['agent'],
      servers: ['filesystem'],
      tools: writingTools,
      message: 'Ask a developer.',
    },
    'policy { id }',
  );
}

beforeAll(async () => {
  [everything, filesystem, product] = await Promise.all([
    startServerEverything(),
    startBridgedFilesystem(),
    startProduct({ allowedHosts: [] }),
  ]);
  await mkdir(path.join(filesystem.folder, 'projects'));
  for (const [slug, { url }] of Object.entries({ everything, filesystem })) {
    routes.set(slug, (await product.serve({ slug, url })).url);
    await approveTools(slug);
  }
  const { customRole } = await mutate<{ customRole: { id: string } }>(
    'createCustomRole',
    { name: 'call-auditor', permissions: ['SERVERS_CALL'] },
    'customRole { id }',
  );
  await makeKey('auditor', { customRoleId: customRole.id });
  await makeKey('developer', { role: 'DEVELOPER' });
  await makeKey('agent', { role: 'AGENT' });
  await makePolicies();
}, startTimeoutMs);

afterAll(async () => {
  await product.close();
  await Promise.all([everything.stop(), filesystem.stop()]);
});

/** What a client shows of a call that is refused. */
async function refusal(
  session: ClientSession,
  tool: string,
  args: Record<string, unknown>,
): Promise<string> {
  return session.call(tool, args).then(
    ({ text }) => `answered: ${text}`,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
}

describe.each(clients)('with %s', (_client, connect, era) => {
  /** A session of somebody with a server, once the node has that one's key and every policy. */
  async function begin(who: string, server: string): Promise<ClientSession> {
    const route = { url: routes.get(server) ?? '', apiKey: keys.get(who) };
    return eventually(
      () => connect(route).catch(() => undefined),
      (session) => session !== undefined,
    ) as Promise<ClientSession>;
  }

  test('an auditor sees only tools that change nothing', async () => {
    await using files = await begin('auditor', 'filesystem');
    const names = await eventually(
      () => files.toolNames(),
      (found) => found.length < 14,
    );
    expect(names).toHaveLength(10);
    for (const tool of writingTools) expect(names).not.toContain(tool);
    await using tools = await begin('auditor', 'everything');
    expect(await tools.toolNames()).not.toContain('toggle-simulated-logging');
    const message = await refusal(files, 'write_file', { path: '/x', content: '' });
    expect(message).toContain('audits-only-read');
    expect(message).toContain('Audits read and change nothing.');
  });

  test('a developer may write below one folder only', async () => {
    await using session = await begin('developer', 'filesystem');
    // What depends on arguments hides nothing.
    expect(await session.toolNames()).toContain('write_file');
    const inside = path.join(filesystem.folder, 'projects', `${era}.txt`);
    await session.call('write_file', { path: inside, content: 'written' });
    expect(await readFile(inside, 'utf8')).toBe('written');
    const outside = path.join(filesystem.folder, 'projects', '..', 'hello.txt');
    const dodged = `${filesystem.folder}/projects/../hello.txt`;
    for (const file of [outside, dodged, 'hello.txt']) {
      const message = await refusal(session, 'write_file', { path: file, content: 'dodged' });
      expect(message).toContain('developers-write-in-projects');
    }
    expect(await readFile(outside, 'utf8')).toBe('hello');
  });

  test('an agent’s forbidden call names the policy, and its session goes on', async () => {
    await using session = await begin('agent', 'filesystem');
    const file = path.join(filesystem.folder, 'hello.txt');
    const message = await refusal(session, 'write_file', { path: file, content: 'no' });
    expect(message).toContain('agents-change-nothing');
    expect(message).toContain('Ask a developer.');
    expect((await session.call('read_text_file', { path: file })).text).toBe('hello');
    expect(await session.toolNames()).toHaveLength(10);
  });
});
