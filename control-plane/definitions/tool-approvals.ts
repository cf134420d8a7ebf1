import type { EntityManager } from '@mikro-orm/postgresql';
import { auditedChange } from '../audit/field-changes.ts';
import { isUuid } from '../input/text-rules.ts';
import { done, notFound, type Outcome, refused, violation } from '../input/violation.ts';
import type { AuditEvent } from '../store/append-audit-entry.ts';
import { commitChange, recordAudit } from '../store/commit-change.ts';
import { McpServer } from '../store/entities/mcp-server.ts';
import type { Store } from '../store/store.ts';
import { uuidV7 } from '../store/uuid-v7.ts';
import { effectiveHints } from './tool-annotations.ts';
import { type DefinitionRow, findTool } from './tool-definitions.ts';

type Actor = AuditEvent['actor'];

interface OfServer {
  readonly organizationId: string;
  readonly serverId: string;
}

interface OfTool extends OfServer {
  readonly tool: string;
}

/** A tool as it is after a change, and the change's revision; null: there was nothing to change. */
export interface SavedTool {
  /** Null: it is gone, and nobody approves of it any more. */
  readonly tool: DefinitionRow | null;
  readonly revision: number | null;
}

const toolNameBytesMax = 2048;

/** Locks a server against being deleted meanwhile. Undefined: there is none of this id. */
async function lockServer(
  em: EntityManager,
  { organizationId, serverId }: OfServer,
): Promise<{ readonly slug: string } | undefined> {
  if (!isUuid(serverId)) return undefined;
  const [row] = await em.execute<{ slug: string }[]>(
    'select slug from mcp_servers where organization_id = ? and id = ? for key share',
    [organizationId, serverId],
  );
  return row;
}

/** Locks what is said of a tool, so that the worker writes nothing else in between. */
async function lockTool(em: EntityManager, of: OfTool): Promise<DefinitionRow | undefined> {
  await em.execute(
    `select from server_definitions
     where organization_id = ? and server_id = ? and kind = 'tool' and name = ? for update`,
    [of.organizationId, of.serverId, of.tool],
  );
  return findTool(em, of);
}

/** An approval as its audit entries know it; null: there is none. */
function audited({ pinnedHash, pinnedDefinition }: DefinitionRow) {
  if (pinnedHash === null) return null;
  return { definitionSha256: pinnedHash, annotations: effectiveHints(pinnedDefinition) };
}

function isToolName(tool: string): boolean {
  return tool !== '' && !tool.includes('\0') && Buffer.byteLength(tool) <= toolNameBytesMax;
}

/** Approves of what is offered now under the names given, whatever was approved before. */
async function writePins(
  em: EntityManager,
  actor: Actor,
  { organizationId, serverId }: OfServer,
  names: readonly string[],
): Promise<{ readonly id: string; readonly tool: string }[]> {
  const rows = names.map((tool) => ({ id: uuidV7(), tool }));
  return em.execute(
    `insert into tool_pins as p (organization_id, id, server_id, tool, definition, hash, approved_by)
     select d.organization_id, n.id, d.server_id, d.name, d.definition, d.hash, ?
     from jsonb_to_recordset(?::jsonb) as n(id uuid, tool text)
     join server_definitions d on d.organization_id = ? and d.server_id = ? and d.kind = 'tool'
       and d.name = n.tool
     on conflict (organization_id, server_id, tool) do update
       set definition = excluded.definition, hash = excluded.hash, approved_by = excluded.approved_by,
         approved_at = now(), version = p.version + 1
     returning id, tool`,
    [`${actor.kind}:${actor.id}`, JSON.stringify(rows), organizationId, serverId],
  );
}

/**
 * Approves of a tool's definition: from then on its annotations count.
 * @param input hash of the definition that was looked at; refused when the server offers another one by now.
 */
export async function approveTool(
  store: Store,
  actor: Actor,
  input: OfTool & { readonly hash: string },
): Promise<Outcome<SavedTool>> {
  const { organizationId, serverId } = input;
  return store.withOrganization(organizationId, async (em) => {
    const server = await lockServer(em, input);
    if (server === undefined) return refused(notFound('serverId', 'server'));
    const before = isToolName(input.tool) ? await lockTool(em, input) : undefined;
    if (before === undefined || before.goneAt !== null) return refused(notFound('tool', 'tool'));
    if (before.hash !== input.hash.toLowerCase()) {
      const text = 'The server offers another definition by now: look at it again.';
      return refused(violation('hash', 'VERSION_CONFLICT', text));
    }
    if (before.approval === 'approved') return done({ tool: before, revision: null });
    const [pin] = await writePins(em, actor, input, [input.tool]);
    const tool = await findTool(em, input);
    if (pin === undefined || tool === undefined) throw new Error('An approval was not written.');
    const { revision } = await commitChange(em, {
      organizationId,
      actor,
      action: 'tool.approve',
      target: { type: 'tool', id: tool.id, label: tool.name },
      ...auditedChange(audited(before), audited(tool), { serverId, tool: tool.name }),
      resources: [{ kind: 'tool_pin', id: pin.id }],
    });
    return done({ tool, revision });
  });
}

/** Takes an approval back: the tool's annotations count no more. */
export async function revokeToolApproval(
  store: Store,
  actor: Actor,
  input: OfTool,
): Promise<Outcome<SavedTool>> {
  const { organizationId, serverId } = input;
  return store.withOrganization(organizationId, async (em) => {
    const server = await lockServer(em, input);
    if (server === undefined) return refused(notFound('serverId', 'server'));
    const before = isToolName(input.tool) ? await lockTool(em, input) : undefined;
    if (before === undefined) return refused(notFound('tool', 'tool'));
    const [pin] = await em.execute<{ id: string }[]>(
      `delete from tool_pins where organization_id = ? and server_id = ? and tool = ? returning id`,
      [organizationId, serverId, input.tool],
    );
    if (pin === undefined) return done({ tool: before, revision: null });
    if (before.goneAt !== null) {
      await em.execute('delete from server_definitions where organization_id = ? and id = ?', [
        organizationId,
        before.id,
      ]);
    }
    const after = await findTool(em, input);
    const { revision } = await commitChange(em, {
      organizationId,
      actor,
      action: 'tool.revoke',
      target: { type: 'tool', id: before.id, label: before.name },
      ...auditedChange(audited(before), null, { serverId, tool: before.name }),
      resources: [{ kind: 'tool_pin', id: pin.id }],
    });
    return done({ tool: after ?? null, revision });
  });
}

/** Of one change: each stands in its audit entry. */
const approvedPerChange = 200;

interface Unapproved {
  readonly name: string;
  readonly hash: string;
  readonly pinnedHash: string | null;
}

/** Approves of some of the tools that are not approved as they are offered now. */
async function approveSome(
  store: Store,
  actor: Actor,
  input: OfServer,
): Promise<Outcome<{ readonly count: number; readonly revision: number | null }>> {
  const { organizationId, serverId } = input;
  return store.withOrganization(organizationId, async (em) => {
    const server = await lockServer(em, input);
    if (server === undefined) return refused(notFound('serverId', 'server'));
    const tools = await em.execute<Unapproved[]>(
      `select d.name, encode(d.hash, 'hex') as hash, encode(p.hash, 'hex') as "pinnedHash"
       from server_definitions d
       left join tool_pins p on p.organization_id = d.organization_id
         and p.server_id = d.server_id and p.tool = d.name
       where d.organization_id = ? and d.server_id = ? and d.kind = 'tool' and d.gone_at is null
         and (p.hash is null or p.hash <> d.hash)
       order by d.name limit ? for update of d`,
      [organizationId, serverId, approvedPerChange],
    );
    if (tools.length === 0) return done({ count: 0, revision: null });
    const names = tools.map(({ name }) => name);
    const pins = await writePins(em, actor, input, names);
    const { revision } = await commitChange(em, {
      organizationId,
      actor,
      action: 'server.approve_tools',
      target: { type: 'server', id: serverId, label: server.slug },
      details: {
        tools: tools.map(({ name, hash, pinnedHash }) => ({
          ...{ tool: name, before: pinnedHash, after: hash },
        })),
      },
      resources: pins.map(({ id }) => ({ kind: 'tool_pin', id })),
    });
    return done({ count: pins.length, revision });
  });
}

/** What an approval of all tools came to. */
export interface ApprovedTools {
  readonly count: number;
  /** Of the last change; null: everything was approved already. */
  readonly revision: number | null;
}

/** A worker may write others meanwhile; nobody is kept at it for ever. */
const changesMax = 50;

/** Approves of every tool that a server offers, as it is offered now; in several changes if they are many. */
export async function approveServerTools(
  store: Store,
  actor: Actor,
  input: OfServer,
): Promise<Outcome<ApprovedTools>> {
  let total: ApprovedTools = { count: 0, revision: null };
  for (let change = 0; change < changesMax; change += 1) {
    const outcome = await approveSome(store, actor, input);
    if (!outcome.ok) return outcome;
    const { count, revision } = outcome.value;
    total = { count: total.count + count, revision: revision ?? total.revision };
    if (count < approvedPerChange) break;
  }
  return done(total);
}

/** A server is not asked more often than that on demand. */
const onDemandPauseMs = 5000;

/** Has the worker ask a server at once what it offers, instead of when its time comes. */
export async function requestDefinitions(
  store: Store,
  actor: Actor,
  input: OfServer,
): Promise<Outcome<McpServer>> {
  const { organizationId, serverId: id } = input;
  return store.withOrganization(organizationId, async (em) => {
    if (!isUuid(id)) return refused(notFound('serverId', 'server'));
    await em.execute(
      `update mcp_servers set next_definitions_fetch_at = least(next_definitions_fetch_at,
         greatest(now(), greatest(definitions_fetched_at, definitions_failed_at)
           + ? * interval '1 millisecond'))
       where organization_id = ? and id = ?`,
      [onDemandPauseMs, organizationId, id],
    );
    const server = await em.findOne(McpServer, { organizationId, id });
    if (server === null) return refused(notFound('serverId', 'server'));
    await recordAudit(em, {
      organizationId,
      actor,
      action: 'server.refresh_definitions',
      target: { type: 'server', id, label: server.slug },
    });
    return done(server);
  });
}
