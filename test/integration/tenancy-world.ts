import { randomUUID } from 'node:crypto';
import type { GraphQLSchema } from 'graphql';
import type { Client } from 'pg';
import { fetch } from 'undici';
import { type ArgumentSource, argumentsFor } from '../support/tenancy-arguments.ts';
import { type Operation, operationsOf, requestFor } from '../support/tenancy-operations.ts';
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

/** Bounds that let an operation ask for all that there is. */
export const wideBounds = {
  ...{ depthMax: 100, costMax: 1_000_000_000, tokensMax: 1_000_000, aliasesMax: 1000 },
  accountFailuresMax: 1_000_000,
  addressFailuresMax: 1_000_000,
  addressLoginsAwayMax: 1_000_000,
};

export const builtInRoles = ['OWNER', 'ADMIN', 'DEVELOPER', 'AUDITOR', 'AGENT'] as const;

/** An organization of a test, with an object of each kind and a member of each role. */
export interface Tenant extends ArgumentSource {
  /** Access tokens, by role; `CUSTOM`: a role made of `customPermissions`. */
  readonly tokens: Readonly<Record<string, string>>;
  readonly emails: Readonly<Record<string, string>>;
  /** API keys of a service account that is a developer: full, read-only and without administration. */
  readonly keys: Readonly<Record<'full' | 'read' | 'call', string>>;
  /** Whatever tells that something belongs to this organization. */
  readonly traces: readonly string[];
}

const customPermissions = ['SERVERS_READ', 'AUDIT_READ'] as const;

export interface TenancyWorld {
  readonly harness: GraphqlHarness;
  readonly schema: GraphQLSchema;
  readonly operations: readonly Operation[];
  readonly operatorToken: string;
  readonly system: Client;
  /** Serves with the real table of permissions. */
  readonly replica: Replica;
  tenant(marker: string): Promise<Tenant>;
  close(): Promise<void>;
}

/** Tables that are named otherwise than their kind. */
const tables: Readonly<Record<string, string>> = {
  server: 'mcp_servers',
  policy: 'policies',
  auditEntries: 'audit_logs',
  platformAuditEntries: 'audit_logs',
  auditEntryAdded: 'audit_logs',
  invitation: 'one_time_tokens',
};

function tableOf(kind: string): string {
  const snake = kind.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return tables[kind] ?? `${snake}s`;
}

async function idsBelow(system: Client, organizationId: string): Promise<Map<string, string>> {
  const { rows } = await system.query<{ table_name: string }>(
    `select c.table_name::text from information_schema.columns c
     join information_schema.columns i on i.table_schema = c.table_schema
       and i.table_name = c.table_name and i.column_name = 'id'
     join information_schema.tables t on t.table_schema = c.table_schema and t.table_name = c.table_name
     where c.table_schema = 'public' and c.column_name = 'organization_id'
       and c.table_name !~ '^request_logs_'`,
  );
  const ids = new Map<string, string>();
  for (const { table_name: table } of rows) {
    const found = await system.query<{ id: string }>(
      `select id::text from ${table} where organization_id = $1 limit 1`,
      [organizationId],
    );
    const [row] = found.rows;
    if (row !== undefined) ids.set(table, row.id);
  }
  return ids;
}

async function platformIds(system: Client): Promise<Map<string, string>> {
  const ids = new Map<string, string>();
  for (const table of ['node_groups', 'node_tokens', 'nodes']) {
    const { rows } = await system.query<{ id: string }>(`select id::text from ${table} limit 1`);
    if (rows[0] !== undefined) ids.set(table, rows[0].id);
  }
  return ids;
}

/** Mutations that make something of an organization, in an order in which each finds what it refers to. */
function creations(operations: readonly Operation[]): Operation[] {
  const first = ['createCustomRole', 'createServiceAccount', 'createPolicy'];
  const rank = ({ field }: Operation) => {
    const index = first.indexOf(field.name);
    return index === -1 ? first.length : index;
  };
  return operations
    .filter(({ path }) => /^Mutation\.(?:create|invite|revokeSubject)/.test(path))
    .filter(({ path }) => !/(?:Organization|User|NodeGroup|NodeToken)$/.test(path))
    .sort((a, b) => rank(a) - rank(b));
}

export async function openWorld(schema: GraphQLSchema): Promise<TenancyWorld> {
  const harness = await openHarness();
  const replica = await harness.replica({ bounds: wideBounds });
  const operations = operationsOf(schema);
  const system = await harness.database.connect('system');
  const operatorToken = await logIn(replica, operatorEmail);
  const run = async <Data>(query: string, variables: object, token: string): Promise<Data> =>
    dataOf(await replica.post<Data>(query, variables, token));
  await system.query(
    `insert into nodes (id, node_group_id, name) select gen_random_uuid(), id, 'one' from node_groups limit 1`,
  );
  const nodeToken = {
    query:
      'mutation($i: CreateNodeTokenInput!) { createNodeToken(input: $i) { userErrors { code } } }',
    input: { name: 'one', nodeGroupId: (await platformIds(system)).get('node_groups') },
  };
  await run(nodeToken.query, { i: nodeToken.input }, operatorToken);

  async function person(marker: string, role: string): Promise<{ id: string; email: string }> {
    const email = `${role.toLowerCase()}-${randomUUID().slice(0, 8)}@${marker}.example`;
    const input = { email, displayName: `${marker} ${role}`, password };
    const created = await run<{ createUser: { user: { id: string } } }>(
      'mutation($i: CreateUserInput!) { createUser(input: $i) { user { id } userErrors { code } } }',
      { i: input },
      operatorToken,
    );
    return { id: created.createUser.user.id, email };
  }

  async function create(operation: Operation, source: ArgumentSource, token: string) {
    const { query, variables } = requestFor(
      operation,
      argumentsFor(operation, source),
      source.organizationId,
    );
    const data = await run<Record<string, Record<string, unknown>>>(query, variables, token);
    const payload = data[operation.field.name];
    const errors = payload?.['userErrors'] as readonly unknown[] | undefined;
    if (errors !== undefined && errors.length > 0) {
      throw new Error(`${operation.path} with generated arguments: ${JSON.stringify(errors)}`);
    }
    return payload ?? {};
  }

  async function tenant(name: string): Promise<Tenant> {
    const marker = `${name}${randomUUID().slice(0, 8)}`;
    const owner = await person(marker, 'OWNER');
    const organization = await run<{ createOrganization: { organization: { id: string } } }>(
      `mutation($i: CreateOrganizationInput!) {
         createOrganization(input: $i) { organization { id } userErrors { code } } }`,
      { i: { slug: marker, name: `${marker} Inc`, ownerId: owner.id } },
      operatorToken,
    );
    const organizationId = organization.createOrganization.organization.id;
    const people: Record<string, { id: string; email: string }> = { OWNER: owner };
    const tokens: Record<string, string> = { OWNER: await logIn(replica, owner.email) };
    let ids = new Map<string, string>();
    const platform = await platformIds(system);
    const sessions = await system.query<{ id: string }>(
      'select id::text from sessions where user_id = $1 limit 1',
      [owner.id],
    );
    const source: ArgumentSource = {
      ...{ organizationId, slug: marker, marker },
      idOf: (kind) => {
        if (kind === 'organization') return organizationId;
        if (kind === 'user' || kind === 'member') return (people['AGENT'] ?? owner).id;
        if (kind === 'session') return sessions.rows[0]?.id;
        return ids.get(tableOf(kind)) ?? platform.get(tableOf(kind));
      },
    };
    const made: Record<string, Record<string, unknown>> = {};
    for (const operation of creations(operations)) {
      made[operation.field.name] = await create(operation, source, tokens['OWNER'] ?? '');
      ids = await idsBelow(system, organizationId);
    }
    await system.query(
      `insert into request_logs (id, organization_id, node_id, call_id, phase, started_at, target, decision)
       values ($1, $2, $1, $1, 'complete', now(), $3, 'allowed')`,
      [randomUUID(), organizationId, `${marker} target`],
    );
    // The worker writes what servers offer.
    await system.query(
      `insert into server_definitions (organization_id, id, server_id, kind, name, definition, hash)
       select $1, gen_random_uuid(), $2, kind, $3::text, jsonb_build_object('title', $3::text), decode($4, 'hex')
       from unnest('{tool,prompt,resource,resource_template}'::text[]) as kind`,
      [organizationId, source.idOf('server'), `${marker}-tool`, 'ab'.repeat(32)],
    );

    const customRoleId = (
      await run<{ createCustomRole: { customRole: { id: string } } }>(
        `mutation($i: CreateCustomRoleInput!) {
           createCustomRole(input: $i) { customRole { id } userErrors { code } } }`,
        { i: { organizationId, name: `${marker}-custom`, permissions: customPermissions } },
        tokens['OWNER'] ?? '',
      )
    ).createCustomRole.customRole.id;
    for (const role of [...builtInRoles.slice(1), 'CUSTOM']) {
      const { id, email } = await person(marker, role);
      people[role] = { id, email };
      const granted = role === 'CUSTOM' ? { customRoleId } : { role };
      await run(
        `mutation($i: AddMemberInput!) { addMember(input: $i) { member { userId } userErrors { code } } }`,
        { i: { organizationId, email, ...granted } },
        operatorToken,
      );
      tokens[role] = await logIn(replica, email);
    }
    const key = async (...scopes: string[]) => {
      const input = {
        ...{ organizationId, label: `${marker} key`, scopes },
        serviceAccountId: source.idOf('serviceAccount'),
      };
      const created = await run<{ createApiKey: { key: string | null } }>(
        'mutation($i: CreateApiKeyInput!) { createApiKey(input: $i) { key userErrors { code } } }',
        { i: input },
        tokens['OWNER'] ?? '',
      );
      return created.createApiKey.key ?? '';
    };
    const keys = {
      full: await key('admin'),
      read: await key('admin:read'),
      call: await key('mcp:*'),
    };
    ids = await idsBelow(system, organizationId);
    return {
      ...source,
      ...{ tokens, keys },
      emails: Object.fromEntries(Object.entries(people).map(([role, { email }]) => [role, email])),
      traces: [
        marker,
        organizationId,
        ...ids.values(),
        ...Object.values(people).map(({ id }) => id),
      ],
    };
  }

  return {
    ...{ harness, schema, operations, operatorToken, system, replica, tenant },
    close: () => harness.close(),
  };
}

export interface Outcome {
  /** The first error's code, or `OK`. */
  readonly code: string;
  readonly text: string;
  readonly data: Record<string, unknown> | null | undefined;
}

/** What became of the operation itself: fields below it may be refused on their own. */
function outcomeOf(reply: Reply<Record<string, unknown>>, operation: Operation): Outcome {
  const { errors } = JSON.parse(reply.text) as {
    errors?: { path?: string[]; extensions: { code: string } }[];
  };
  const depth = operation.inOrganization ? 2 : 1;
  const own = errors?.find(({ path }) => path === undefined || path.length <= depth);
  return { code: own?.extensions.code ?? 'OK', text: reply.text, data: reply.data };
}

/** Opens a subscription; one that is accepted is cut off. */
async function subscribe(
  replica: Replica,
  request: object,
  token: string | undefined,
): Promise<Outcome> {
  const abort = new AbortController();
  const response = await fetch(`${replica.origin}/graphql/stream`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(request),
    signal: abort.signal,
  });
  if (response.status === 200) {
    abort.abort();
    return { code: 'OK', text: '', data: null };
  }
  const text = await response.text();
  const { errors } = JSON.parse(text) as { errors: { extensions: { code: string } }[] };
  return { code: errors[0]?.extensions.code ?? 'OK', text, data: null };
}

/** Runs an operation about an organization for somebody. */
export async function attempt(
  replica: Replica,
  operation: Operation,
  args: Readonly<Record<string, unknown>>,
  organizationId: string,
  token: string | undefined,
): Promise<Outcome> {
  const request = requestFor(operation, args, organizationId);
  if (operation.root === 'subscription') return subscribe(replica, request, token);
  return outcomeOf(await replica.post(request.query, request.variables, token), operation);
}
