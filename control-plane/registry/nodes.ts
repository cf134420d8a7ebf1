import type { EntityManager } from '@mikro-orm/postgresql';
import { findPage, oldestFirst } from '../input/find-page.ts';
import type { Page, PageRequest } from '../input/page.ts';
import { isUuid } from '../input/text-rules.ts';
import { ConfigChange } from '../store/entities/config-change.ts';
import { Node } from '../store/entities/node.ts';
import { PlatformState } from '../store/entities/platform-state.ts';
import type { Store } from '../store/store.ts';

/** A node with how far it is behind. */
export interface NodeView extends Omit<Node, 'lagMs'> {
  /** Revisions between the newest and the one that it enforces. */
  readonly lagRevisions: number;
  /** Milliseconds since the oldest revision that it does not enforce was committed; 0: up to date. */
  readonly lagMs: number | null;
}

async function views(
  em: EntityManager,
  nodes: readonly Node[],
  nowMs: number,
): Promise<NodeView[]> {
  if (nodes.length === 0) return [];
  const state = await em.findOneOrFail(PlatformState, { id: true });
  const next = await em.find(ConfigChange, {
    revision: { $in: nodes.map((node) => node.appliedRevision + 1) },
  });
  const committedAt = new Map(next.map((change) => [change.revision, change.committedAt]));
  return nodes.map((node) => {
    const lagRevisions = Math.max(state.revision - node.appliedRevision, 0);
    const pendingSince = committedAt.get(node.appliedRevision + 1);
    const waitedMs = pendingSince ? Math.max(nowMs - pendingSince.getTime(), 0) : null;
    return { ...node, lagRevisions, lagMs: lagRevisions === 0 ? 0 : waitedMs };
  });
}

export interface NodeFilterFields {
  readonly nodeGroupId?: string | null | undefined;
  readonly connected?: boolean | null | undefined;
  /** Whether the last range was not used in full. */
  readonly rejecting?: boolean | null | undefined;
}

function where(filter: NodeFilterFields): object | undefined {
  const conditions: object[] = [];
  if (typeof filter.nodeGroupId === 'string') {
    if (!isUuid(filter.nodeGroupId)) return undefined;
    conditions.push({ nodeGroupId: filter.nodeGroupId });
  }
  if (typeof filter.connected === 'boolean') conditions.push({ connected: filter.connected });
  if (typeof filter.rejecting === 'boolean') {
    conditions.push({ lastNack: filter.rejecting ? { $ne: null } : null });
  }
  return conditions.length === 0 ? {} : { $and: conditions };
}

export async function listNodes(
  store: Store,
  filter: NodeFilterFields,
  page: PageRequest,
  nowMs: number,
): Promise<Page<NodeView>> {
  const condition = where(filter);
  if (condition === undefined) return { items: [], hasNextPage: false, hasPreviousPage: false };
  return store.withPlatform(async (em) => {
    const nodes = await findPage(em, Node, condition, oldestFirst, page);
    return { ...nodes, items: await views(em, nodes.items, nowMs) };
  });
}

/** Nodes by id, in the order of their ids; ids that name none are left out. */
export async function findNodes(
  store: Store,
  ids: readonly string[],
  nowMs: number,
): Promise<NodeView[]> {
  const wanted = ids.filter(isUuid);
  if (wanted.length === 0) return [];
  return store.withPlatform(async (em) => {
    const nodes = await em.find(Node, { id: { $in: wanted } }, { orderBy: { id: 'asc' } });
    return views(em, nodes, nowMs);
  });
}
