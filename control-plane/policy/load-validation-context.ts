import type { EntityManager } from '@mikro-orm/postgresql';
import { compilePattern } from '../../common/policy/pattern.ts';
import { canonicalResourceUri } from '../../common/policy/resource-uri.ts';
import { organizationRoles } from '../store/entities/membership.ts';
import type {
  KnownServer,
  PolicyRules,
  ValidationContext,
} from './validation/validation-context.ts';

/** Most definitions of tools, prompts and resources that are looked at; of more nothing is known. */
const definitionsMax = 20_000;

interface ServerRow {
  readonly id: string;
  readonly slug: string;
  /** Whether it has ever said what it offers. */
  readonly isKnown: boolean;
}

interface OfferedRow {
  readonly serverId: string;
  readonly kind: 'tool' | 'prompt' | 'resource' | 'resource_template';
  readonly name: string;
}

interface SchemaRow {
  readonly serverId: string;
  readonly tool: string;
  readonly inputSchema: unknown;
}

/** The kinds of definitions that a policy names. */
function namedKinds(rules: PolicyRules): OfferedRow['kind'][] {
  return [
    ...(rules.tools.length > 0 ? (['tool'] as const) : []),
    ...(rules.prompts.length > 0 ? (['prompt'] as const) : []),
    ...(rules.resources.length > 0 ? (['resource', 'resource_template'] as const) : []),
  ];
}

/** What servers offer of the kinds that a policy names; undefined: too much to look at. */
async function loadOffered(
  em: EntityManager,
  organizationId: string,
  rules: PolicyRules,
  servers: readonly ServerRow[],
): Promise<readonly OfferedRow[] | undefined> {
  const kinds = namedKinds(rules);
  if (kinds.length === 0 || servers.length === 0) return [];
  const found = await em.execute<OfferedRow[]>(
    `select server_id as "serverId", kind, name from server_definitions
     where organization_id = ? and server_id = any (?::uuid[]) and kind = any (?::text[])
       and gone_at is null limit ?`,
    [organizationId, arrayOf(servers.map(({ id }) => id)), arrayOf(kinds), definitionsMax + 1],
  );
  return found.length > definitionsMax ? undefined : found;
}

/** Input schemas of the tools that a policy names to the letter: as approved, or else as last seen. */
async function loadSchemas(
  em: EntityManager,
  organizationId: string,
  rules: PolicyRules,
  servers: readonly ServerRow[],
): Promise<Map<string, unknown>> {
  const names = rules.tools.flatMap((tool) => compilePattern(tool, 'name').exact ?? []);
  if (names.length === 0 || servers.length === 0 || rules.condition === '') return new Map();
  const found = await em.execute<SchemaRow[]>(
    `select d.server_id as "serverId", d.name as tool,
       coalesce(p.definition, d.definition) -> 'inputSchema' as "inputSchema"
     from server_definitions d
     left join tool_pins p on p.organization_id = d.organization_id
       and p.server_id = d.server_id and p.tool = d.name
     where d.organization_id = ? and d.server_id = any (?::uuid[]) and d.kind = 'tool'
       and d.name = any (?::text[]) and d.gone_at is null limit ?`,
    [organizationId, arrayOf(servers.map(({ id }) => id)), arrayOf(names), definitionsMax],
  );
  return new Map(found.map((row) => [`${row.serverId}/${row.tool}`, row.inputSchema]));
}

/** An array as PostgreSQL reads it from text. */
function arrayOf(items: readonly string[]): string {
  return `{${items.map((item) => `"${item.replaceAll(/["\\]/g, '\\$&')}"`).join(',')}}`;
}

function knownServer(
  { id, slug, isKnown }: ServerRow,
  offered: readonly OfferedRow[] | undefined,
  schemas: ReadonlyMap<string, unknown>,
): KnownServer {
  const unknown = { slug, tools: undefined, prompts: undefined, resources: undefined };
  if (!isKnown || offered === undefined) return { ...unknown, hasResourceTemplates: false };
  const names = (kind: OfferedRow['kind']) =>
    offered.filter((row) => row.kind === kind).map(({ name }) => name);
  return {
    slug,
    tools: new Map(names('tool').map((name) => [name, schemas.get(`${id}/${name}`)])),
    prompts: new Set(names('prompt')),
    resources: new Set(names('resource').map(canonicalResourceUri)),
    hasResourceTemplates: names('resource_template').length > 0,
  };
}

async function loadServers(
  em: EntityManager,
  organizationId: string,
  rules: PolicyRules,
): Promise<KnownServer[]> {
  const rows = await em.execute<ServerRow[]>(
    `select id, slug, definitions_fetched_at is not null as "isKnown" from mcp_servers
     where organization_id = ?`,
    [organizationId],
  );
  const patterns = rules.servers.map((pattern) => compilePattern(pattern, 'name'));
  const concerned = rows.filter(
    ({ slug }) => patterns.length === 0 || patterns.some((pattern) => pattern.matches(slug)),
  );
  const offered = await loadOffered(em, organizationId, rules, concerned);
  const schemas = await loadSchemas(em, organizationId, rules, concerned);
  const byServer = Map.groupBy(offered ?? [], ({ serverId }) => serverId);
  return rows.map((row) => knownServer(row, offered && (byServer.get(row.id) ?? []), schemas));
}

/** Of the callers and keys that a policy names those that there are. */
const namedQuery = `
select array(select name from custom_roles where organization_id = ?) as roles,
  array(select 'user:' || user_id from memberships
      where organization_id = ? and 'user:' || user_id = any (?::text[]))
    || array(select 'service:' || id from service_accounts
      where organization_id = ? and 'service:' || id = any (?::text[])) as subjects,
  array(select key_id from api_keys where organization_id = ? and key_id = any (?::text[])
    and revoked_at is null) as "apiKeys",
  (select policy_headers from organizations where id = ?) as headers`;

interface NamedRow {
  readonly roles: readonly string[];
  readonly subjects: readonly string[];
  readonly apiKeys: readonly string[];
  readonly headers: readonly string[] | null;
}

/** What an organization has of what a policy can name, as far as validating this one asks for it. */
export async function loadValidationContext(
  em: EntityManager,
  organizationId: string,
  rules: PolicyRules,
): Promise<ValidationContext> {
  const [subjects, apiKeys] = [arrayOf(rules.subjects), arrayOf(rules.apiKeys)];
  const [named] = await em.execute<NamedRow[]>(namedQuery, [
    ...[organizationId, organizationId, subjects, organizationId, subjects],
    ...[organizationId, apiKeys, organizationId],
  ]);
  return {
    servers: await loadServers(em, organizationId, rules),
    roles: new Set([...organizationRoles, ...(named?.roles ?? [])]),
    subjects: new Set(named?.subjects),
    apiKeys: new Set(named?.apiKeys),
    policyHeaders: new Set(named?.headers ?? []),
  };
}
