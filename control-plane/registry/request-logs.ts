import { findPage, type Keyset } from '../input/find-page.ts';
import type { Page, PageRequest } from '../input/page.ts';
import { isStorableText, isUuid } from '../input/text-rules.ts';
import { type CallDecision, RequestLog } from '../store/entities/request-log.ts';
import type { Store } from '../store/store.ts';
import { type RequestLogView, withPolicyNames } from './request-log-policies.ts';

/** Newest first, by the key that also finds the partition. */
export const requestLogOrder: Keyset = {
  keys: [
    { property: 'receivedAt', kind: 'time' },
    { property: 'id', kind: 'uuid' },
  ],
  descending: true,
};

/** Keys of an entry in `requestLogOrder`. */
export function requestLogKeys(entry: RequestLogView): readonly string[] {
  return [entry.receivedAt.toISOString(), entry.id];
}

export interface RequestLogFilterFields {
  readonly serverId?: string | null | undefined;
  readonly nodeId?: string | null | undefined;
  readonly credentialId?: string | null | undefined;
  readonly subject?: string | null | undefined;
  readonly method?: string | null | undefined;
  readonly target?: string | null | undefined;
  readonly decision?: CallDecision | null | undefined;
  readonly reason?: string | null | undefined;
  readonly traceId?: string | null | undefined;
  readonly policyId?: string | null | undefined;
  readonly wouldDeny?: boolean | null | undefined;
  readonly receivedFrom?: Date | null | undefined;
  readonly receivedBefore?: Date | null | undefined;
}

const idFields = ['serverId', 'nodeId', 'policyId'] as const;
const textFields = [
  'credentialId',
  'subject',
  'method',
  'target',
  'decision',
  'reason',
  'traceId',
] as const;

/** Outcomes of a policy in shadow mode that, enforced, would deny. */
const denyingOutcomes = ['would_deny', 'would_fail'] as const;

/** `@>` and the index of entries with shadow decisions find these. */
function wouldDenyCondition(): object {
  const denied = denyingOutcomes.map((outcome) => ({
    shadowDecisions: { $contains: [{ outcome }] },
  }));
  return { $and: [{ shadowDecisions: { $ne: null } }, { $or: denied }] };
}

/** The filter as a condition on rows, or undefined when no row can match it. */
export function requestLogCondition(
  organizationId: string,
  filter: RequestLogFilterFields,
): object | undefined {
  const conditions: object[] = [{ organizationId }];
  for (const field of idFields) {
    const id = filter[field];
    if (typeof id !== 'string') continue;
    if (!isUuid(id)) return undefined;
    conditions.push({ [field]: id });
  }
  for (const field of textFields) {
    const text = filter[field];
    if (typeof text !== 'string') continue;
    if (!isStorableText(text)) return undefined;
    conditions.push({ [field]: text });
  }
  if (typeof filter.wouldDeny === 'boolean') {
    const would = wouldDenyCondition();
    conditions.push(filter.wouldDeny ? would : { $not: would });
  }
  if (filter.receivedFrom) conditions.push({ receivedAt: { $gte: filter.receivedFrom } });
  if (filter.receivedBefore) conditions.push({ receivedAt: { $lt: filter.receivedBefore } });
  return { $and: conditions };
}

export async function listRequestLogs(
  store: Store,
  organizationId: string,
  filter: RequestLogFilterFields,
  page: PageRequest,
): Promise<Page<RequestLogView>> {
  const condition = requestLogCondition(organizationId, filter);
  if (condition === undefined) return { items: [], hasNextPage: false, hasPreviousPage: false };
  return store.withOrganization(organizationId, async (em) => {
    const found = await findPage(em, RequestLog, condition, requestLogOrder, page);
    return { ...found, items: await withPolicyNames(em, organizationId, found.items) };
  });
}
