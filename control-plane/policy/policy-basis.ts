import type { EntityManager } from '@mikro-orm/postgresql';
import { compileCondition } from '../../common/policy/compile-condition.ts';
import type { Condition } from '../../common/policy/condition.ts';
import type { Policy, PolicyDefault } from '../../common/policy/policy.ts';
import type { PolicyPin, PolicyServer } from '../../common/policy/policy-call.ts';
import { type PolicySet, PolicySetBuilder } from '../../common/policy/policy-set.ts';
import { type PreparedPolicy, preparePolicy } from '../../common/policy/prepared-policy.ts';
import type { PolicyDefinition } from '../store/entities/policy-revision.ts';
import type { Turns } from './turns.ts';

/** What decisions about an organization's calls rest on, as it is now. */
export interface PolicyBasis {
  readonly policyDefault: PolicyDefault;
  /** Headers that conditions may read, in lower case. */
  readonly policyHeaders: ReadonlySet<string>;
  /** Those that are enabled: nodes know no others. */
  readonly policies: readonly Policy[];
  readonly serversById: ReadonlyMap<string, PolicyServer>;
  readonly serversBySlug: ReadonlyMap<string, PolicyServer>;
  /** By `${server id}/${tool}`. */
  readonly pins: ReadonlyMap<string, PolicyPin>;
}

interface PolicyFields extends PolicyDefinition {
  readonly id: string;
  readonly organizationId: string;
  readonly revision: number;
  readonly position: number;
}

/** A policy in the form that nodes decide by. */
export function decidingPolicy(fields: PolicyFields): Policy {
  const { id, organizationId, name, revision, effect, mode, position, message } = fields;
  const { servers, methods, tools, resources, prompts, roles, subjects, apiKeys } = fields;
  return {
    ...{ id, organizationId, name, revision, effect, mode, position, message },
    targets: { servers, methods, tools, resources, prompts },
    subjects: { roles, subjects, apiKeys },
    condition: fields.condition,
  };
}

const policyColumns = `id, organization_id as "organizationId", name, description, effect, mode,
  enabled, position, message, servers, methods, tools, resources, prompts, roles, subjects,
  api_keys as "apiKeys", condition, revision`;

async function loadPolicies(em: EntityManager, organizationId: string): Promise<Policy[]> {
  const rows = await em.execute<PolicyFields[]>(
    `select ${policyColumns} from policies where organization_id = ? and enabled`,
    [organizationId],
  );
  return rows.map(decidingPolicy);
}

interface ServerRow {
  readonly id: string;
  readonly slug: string;
  readonly labels: Readonly<Record<string, string>>;
}

async function loadServers(em: EntityManager, organizationId: string): Promise<PolicyServer[]> {
  const rows = await em.execute<ServerRow[]>(
    `select id, slug, labels from mcp_servers where organization_id = ?`,
    [organizationId],
  );
  return rows.map(({ id, slug, labels }) => ({
    id,
    slug,
    labels: new Map(Object.entries(labels)),
  }));
}

interface PinRow {
  readonly serverId: string;
  readonly tool: string;
  readonly hash: string;
  readonly annotations: Readonly<Record<string, unknown>>;
}

/** Nodes take no longer ones. */
const titleLengthMax = 1000;

/** What is no boolean says nothing, as nodes are told it. */
function hintOf(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined;
}

function pinOf({ tool, hash, annotations }: PinRow): PolicyPin {
  const { title, readOnlyHint, destructiveHint, idempotentHint, openWorldHint } = annotations;
  return {
    tool,
    hash,
    annotations: {
      title: typeof title === 'string' ? title.slice(0, titleLengthMax).toWellFormed() : '',
      readOnly: hintOf(readOnlyHint),
      destructive: hintOf(destructiveHint),
      idempotent: hintOf(idempotentHint),
      openWorld: hintOf(openWorldHint),
    },
  };
}

async function loadPins(
  em: EntityManager,
  organizationId: string,
): Promise<ReadonlyMap<string, PolicyPin>> {
  const rows = await em.execute<PinRow[]>(
    `select server_id as "serverId", tool, encode(hash, 'hex') as hash,
       case when jsonb_typeof(definition -> 'annotations') = 'object'
         then definition -> 'annotations' else '{}' end as annotations
     from tool_pins where organization_id = ?`,
    [organizationId],
  );
  return new Map(rows.map((row) => [`${row.serverId}/${row.tool}`, pinOf(row)]));
}

interface OrganizationRow {
  readonly policyDefault: PolicyDefault;
  readonly policyHeaders: readonly string[];
}

/** Reads what decides the calls of an organization now; undefined: there is no such organization. */
export async function loadPolicyBasis(
  em: EntityManager,
  organizationId: string,
): Promise<PolicyBasis | undefined> {
  const [organization] = await em.execute<OrganizationRow[]>(
    `select policy_default as "policyDefault", policy_headers as "policyHeaders"
     from organizations where id = ?`,
    [organizationId],
  );
  if (organization === undefined) return undefined;
  const servers = await loadServers(em, organizationId);
  return {
    policyDefault: organization.policyDefault,
    policyHeaders: new Set(organization.policyHeaders),
    policies: await loadPolicies(em, organizationId),
    serversById: new Map(servers.map((server) => [server.id, server])),
    serversBySlug: new Map(servers.map((server) => [server.slug, server])),
    pins: await loadPins(em, organizationId),
  };
}

const message = 'the condition can’t be compiled';

/** Conditions are checked when they are written. One that a later build can't read fails, as it does on nodes. */
function compileOrFail(source: string): Condition {
  try {
    return compileCondition(source);
  } catch {
    return { source, reads: new Set(), evaluate: () => ({ kind: 'failed', message }) };
  }
}

/** Prepares policies for a set, in turns. */
export async function prepareInTurns(
  policies: readonly Policy[],
  turns: Turns,
): Promise<PreparedPolicy[]> {
  const prepared: PreparedPolicy[] = [];
  for (const policy of policies) {
    prepared.push(preparePolicy(policy, compileOrFail));
    if (turns.over) await turns.next();
  }
  return prepared;
}

/** A set of prepared policies, made in turns. */
export async function buildInTurns(
  prepared: readonly PreparedPolicy[],
  policyDefault: PolicyDefault,
  turns: Turns,
): Promise<PolicySet> {
  const builder = new PolicySetBuilder();
  for (const policy of prepared) {
    builder.add(policy);
    if (turns.over) await turns.next();
  }
  return builder.finish().withDefault(policyDefault);
}
