import { type ActorKind, platformChainId } from '../audit/audit-chain.ts';
import type { JsonObject, JsonValue } from '../audit/canonical-json.ts';
import { findPage, type Keyset } from '../input/find-page.ts';
import type { Page, PageRequest } from '../input/page.ts';
import { isStorableText, isUuid } from '../input/text-rules.ts';
import { AuditChain } from '../store/entities/audit-chain.ts';
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
    | 'privateDetails'
    | 'revision'
  > {
  /** Id of the session or API key that the actor used. */
  readonly credentialId: string | null;
  readonly clientAddress: string | null;
  /** In hex. */
  readonly hash: string;
}

export interface AuditFilterFields {
  readonly action?: string | null | undefined;
  readonly actorKind?: ActorKind | null | undefined;
  readonly actorId?: string | null | undefined;
  readonly targetType?: string | null | undefined;
  readonly targetId?: string | null | undefined;
  /** Anything that an entry names: itself, its actor, its target, the credential used. */
  readonly id?: string | null | undefined;
  readonly from?: Date | null | undefined;
  readonly before?: Date | null | undefined;
}

function namesId(id: string): object {
  const conditions: object[] = [{ actorId: id }, { targetId: id }, { credentialId: id }];
  if (isUuid(id)) conditions.push({ id });
  return { $or: conditions };
}

/** Undefined: nothing can match. */
function where(chainId: string, filter: AuditFilterFields): object | undefined {
  const conditions: object[] = [{ chainId }];
  for (const field of ['action', 'actorId', 'targetType', 'targetId', 'id'] as const) {
    const text = filter[field];
    if (typeof text !== 'string') continue;
    if (!isStorableText(text)) return undefined;
    conditions.push(field === 'id' ? namesId(text) : { [field]: text });
  }
  if (filter.actorKind) conditions.push({ actorKind: filter.actorKind });
  if (filter.from) conditions.push({ at: { $gte: filter.from } });
  if (filter.before) conditions.push({ at: { $lt: filter.before } });
  return { $and: conditions };
}

/** A text at a path of a JSON object, or null. */
function textAt(object: JsonObject | null, ...path: readonly string[]): string | null {
  let value: JsonValue | undefined = object ?? undefined;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
    value = (value as JsonObject)[name];
  }
  return typeof value === 'string' ? value : null;
}

function view(entry: AuditLog): AuditEntryView {
  const { id, sequence, at, action, actorKind, actorId, actorLabel } = entry;
  const { targetType, targetId, targetLabel, details, privateDetails, revision } = entry;
  return {
    ...{ id, sequence, at, action, actorKind, actorId, actorLabel },
    ...{ targetType, targetId, targetLabel, details, privateDetails, revision },
    credentialId: textAt(details, 'credential', 'id'),
    clientAddress: textAt(privateDetails, 'clientAddress'),
    hash: Buffer.from(entry.hash).toString('hex'),
  };
}

/** Position of the last entry of an organization's chain; 0: it has none. */
export async function lastAuditSequence(store: Store, organizationId: string): Promise<number> {
  return store.withOrganization(organizationId, async (em) => {
    const chain = await em.findOne(AuditChain, { chainId: organizationId });
    return chain?.sequence ?? 0;
  });
}

/** What a reader finds who has read up to some entry. */
export interface FoundAuditEntries {
  readonly entries: readonly AuditEntryView[];
  /** Up to which entry of the chain was looked, whether it fits the filter or not. */
  readonly sequence: number;
  /** Whether more may be there already. */
  readonly more: boolean;
}

/** Entries of an organization's chain after a position that fit a filter, in the order of the chain. */
export async function findAuditEntriesAfter(
  store: Store,
  organizationId: string,
  filter: AuditFilterFields,
  after: number,
  entriesMax: number,
): Promise<FoundAuditEntries> {
  const condition = where(organizationId, filter);
  return store.withOrganization(organizationId, async (em) => {
    // The head first: what is added meanwhile lies behind it and is found the next time.
    const chain = await em.findOne(AuditChain, { chainId: organizationId });
    const last = chain?.sequence ?? after;
    if (condition === undefined) return { entries: [], sequence: last, more: false };
    const entries = await em.find(
      AuditLog,
      { $and: [condition, { sequence: { $gt: after, $lte: last } }] },
      { orderBy: { sequence: 'asc' }, limit: entriesMax },
    );
    const more = entries.length === entriesMax;
    const sequence = more ? (entries.at(-1)?.sequence ?? last) : last;
    return { entries: entries.map(view), sequence, more };
  });
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
