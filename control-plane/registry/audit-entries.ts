import { platformChainId } from '../audit/audit-chain.ts';
import { findPage, type Keyset } from '../input/find-page.ts';
import type { Page, PageRequest } from '../input/page.ts';
import { isStorableText } from '../input/text-rules.ts';
import { AuditLog } from '../store/entities/audit-log.ts';
import type { Store } from '../store/store.ts';

/** Newest first: the sequence of a chain is the order in which things happened. */
export const auditOrder: Keyset = {
  keys: [{ property: 'sequence', kind: 'integer' }],
  descending: true,
};

/** An entry as it may be shown: without salts and commitments. */
export interface AuditEntryView
  extends Pick<
    AuditLog,
    | 'id'
    | 'sequence'
    | 'at'
    | 'action'
    | 'actorKind'
    | 'actorId'
    | 'actorLabel'
    | 'targetType'
    | 'targetId'
    | 'targetLabel'
    | 'details'
    | 'revision'
  > {
  /** In hex. */
  readonly hash: string;
}

export interface AuditFilterFields {
  readonly action?: string | null | undefined;
  readonly actorId?: string | null | undefined;
  readonly targetType?: string | null | undefined;
  readonly targetId?: string | null | undefined;
  readonly from?: Date | null | undefined;
  readonly before?: Date | null | undefined;
}

function where(chainId: string, filter: AuditFilterFields): object | undefined {
  const conditions: object[] = [{ chainId }];
  for (const field of ['action', 'actorId', 'targetType', 'targetId'] as const) {
    const text = filter[field];
    if (typeof text !== 'string') continue;
    if (!isStorableText(text)) return undefined;
    conditions.push({ [field]: text });
  }
  if (filter.from) conditions.push({ at: { $gte: filter.from } });
  if (filter.before) conditions.push({ at: { $lt: filter.before } });
  return { $and: conditions };
}

function view(entry: AuditLog): AuditEntryView {
  const { id, sequence, at, action, actorKind, actorId, actorLabel } = entry;
  const { targetType, targetId, targetLabel, details, revision } = entry;
  return {
    ...{ id, sequence, at, action, actorKind, actorId, actorLabel },
    ...{ targetType, targetId, targetLabel, details, revision },
    hash: Buffer.from(entry.hash).toString('hex'),
  };
}

/** The audit trail of an organization, or of the platform (null). */
export async function listAuditEntries(
  store: Store,
  organizationId: string | null,
  filter: AuditFilterFields,
  page: PageRequest,
): Promise<Page<AuditEntryView>> {
  const condition = where(organizationId ?? platformChainId, filter);
  if (condition === undefined) return { items: [], hasNextPage: false, hasPreviousPage: false };
  const read = async (em: Parameters<Parameters<Store['withPlatform']>[0]>[0]) => {
    const entries = await findPage(em, AuditLog, condition, auditOrder, page);
    return { ...entries, items: entries.items.map(view) };
  };
  return organizationId === null
    ? store.withPlatform(read)
    : store.withOrganization(organizationId, read);
}
