import type { EntityManager } from '@mikro-orm/postgresql';
import { compilePattern } from '../../common/policy/pattern.ts';
import { containsText, findPage, type Keyset } from '../input/find-page.ts';
import type { Page, PageRequest } from '../input/page.ts';
import { isStorableText, isUuid } from '../input/text-rules.ts';
import { Policy } from '../store/entities/policy.ts';
import type { Store } from '../store/store.ts';
import { targetKinds } from './validation/target-kinds.ts';

/** Policies in the organization's order. */
export const policyOrder: Keyset = {
  keys: [{ property: 'position', kind: 'integer' }],
  descending: false,
};

export interface PolicyFilterFields {
  readonly enabled?: boolean | null | undefined;
  readonly mode?: Policy['mode'] | null | undefined;
  readonly effect?: Policy['effect'] | null | undefined;
  /** Slug of a server that it may be about. */
  readonly server?: string | null | undefined;
  /** Name of a tool that it may be about. */
  readonly tool?: string | null | undefined;
  readonly search?: string | null | undefined;
}

function where(organizationId: string, filter: PolicyFilterFields): object {
  const conditions: object[] = [{ organizationId }];
  const search = filter.search ?? '';
  if (search !== '' && isStorableText(search)) {
    const found = containsText(search);
    conditions.push({ $or: [{ name: found }, { description: found }, { condition: found }] });
  }
  if (typeof filter.enabled === 'boolean') conditions.push({ enabled: filter.enabled });
  if (filter.mode) conditions.push({ mode: filter.mode });
  if (filter.effect) conditions.push({ effect: filter.effect });
  return { $and: conditions };
}

function isOneOf(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => compilePattern(pattern, 'name').matches(name));
}

/** What of a policy says which calls it can be about, and its place. */
const concernColumns = [
  'id',
  'position',
  'effect',
  'servers',
  'methods',
  'tools',
  'resources',
  'prompts',
] as const;
type Concern = Pick<Policy, (typeof concernColumns)[number]>;

function concerns(policy: Concern, { server, tool }: PolicyFilterFields): boolean {
  const { servers, tools } = policy;
  if (typeof server === 'string' && servers.length > 0 && !isOneOf(servers, server)) return false;
  if (typeof tool !== 'string') return true;
  return targetKinds(policy).has('tool') && (tools.length === 0 || isOneOf(tools, tool));
}

/**
 * The policies of a page that can be about a server or a tool, and one more where there is one. What patterns
 * stand for only the code that decides calls can say, so that all policies are looked at.
 */
async function idsOnPage(
  em: EntityManager,
  condition: object,
  filter: PolicyFilterFields,
  { cursor, backward, size }: PageRequest,
): Promise<string[]> {
  const rows: Concern[] = await em
    .createQueryBuilder(Policy)
    .select([...concernColumns])
    .where(condition)
    .orderBy({ position: backward ? 'desc' : 'asc' })
    .execute('all');
  const from = cursor === undefined ? undefined : Number(cursor[0]);
  const isBeyond = ({ position }: Concern) =>
    from === undefined || (backward ? position < from : position > from);
  const ids: string[] = [];
  for (const row of rows) {
    if (isBeyond(row) && concerns(row, filter)) ids.push(row.id);
    if (ids.length > size) break;
  }
  return ids;
}

export function listPolicies(
  store: Store,
  organizationId: string,
  filter: PolicyFilterFields,
  page: PageRequest,
): Promise<Page<Policy>> {
  return store.withOrganization(organizationId, async (em) => {
    const condition = where(organizationId, filter);
    const isConcerned = typeof filter.server === 'string' || typeof filter.tool === 'string';
    const wanted = isConcerned
      ? { organizationId, id: { $in: await idsOnPage(em, condition, filter, page) } }
      : condition;
    return findPage(em, Policy, wanted, policyOrder, page);
  });
}

/** Policies by id, in no order; ids that name none are left out. */
export async function findPolicies(
  store: Store,
  organizationId: string,
  ids: readonly string[],
): Promise<Policy[]> {
  const wanted = ids.filter(isUuid);
  if (wanted.length === 0) return [];
  return store.withOrganization(organizationId, (em) =>
    em.find(Policy, { organizationId, id: { $in: wanted } }),
  );
}
