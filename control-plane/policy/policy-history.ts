import { findPage, type Keyset } from '../input/find-page.ts';
import type { Page, PageRequest } from '../input/page.ts';
import { isUuid } from '../input/text-rules.ts';
import { type PolicyDefinition, PolicyRevision } from '../store/entities/policy-revision.ts';
import type { Store } from '../store/store.ts';
import { definitionNames } from './policy-definition.ts';

/** Revisions of a policy, the latest first. */
export const revisionOrder: Keyset = {
  keys: [{ property: 'revision', kind: 'integer' }],
  descending: true,
};

/** What one revision changed about one field. */
export interface PolicyFieldChange {
  readonly field: keyof PolicyDefinition;
  /** Of a text or a switch what it was and is; null: of a list, or there was no policy. */
  readonly before: string | null;
  readonly after: string | null;
  /** Of a list what came and went. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

type FieldValue = PolicyDefinition[keyof PolicyDefinition];

function fieldChange(
  field: keyof PolicyDefinition,
  before: FieldValue | undefined,
  after: FieldValue,
): PolicyFieldChange[] {
  if (typeof after !== 'object') {
    if (before === after || (before === undefined && after === '')) return [];
    const was = before === undefined ? null : String(before);
    return [{ field, before: was, after: String(after), added: [], removed: [] }];
  }
  const was = typeof before === 'object' ? before : [];
  const added = after.filter((item) => !was.includes(item));
  const removed = was.filter((item) => !after.includes(item));
  if (added.length === 0 && removed.length === 0) return [];
  return [{ field, before: null, after: null, added, removed }];
}

/**
 * What differs between two revisions, field by field, in the order of the fields. The order within a list says
 * nothing, so that it is no difference. @param before undefined: the policy is new.
 */
export function definitionChanges(
  before: PolicyDefinition | undefined,
  after: PolicyDefinition,
): PolicyFieldChange[] {
  return definitionNames.flatMap((field) => fieldChange(field, before?.[field], after[field]));
}

/** A revision with what it changed. */
export interface PolicyRevisionView extends PolicyRevision {
  readonly changes: readonly PolicyFieldChange[];
}

function view(revision: PolicyRevision, before: PolicyRevision | undefined): PolicyRevisionView {
  const changes =
    revision.change === 'deleted' ? [] : definitionChanges(before?.definition, revision.definition);
  return { ...revision, changes };
}

/** A page of a policy's revisions. Those of a deleted one are found too. */
export function listRevisions(
  store: Store,
  organizationId: string,
  policyId: string,
  page: PageRequest,
): Promise<Page<PolicyRevisionView>> {
  return store.withOrganization(organizationId, async (em) => {
    const where = { organizationId, policyId };
    const found = await findPage(em, PolicyRevision, where, revisionOrder, page);
    // The one before the oldest of the page belongs to the next page.
    const oldest = Math.min(...found.items.map(({ revision }) => revision));
    const before = Number.isFinite(oldest)
      ? await em.findOne(PolicyRevision, { ...where, revision: oldest - 1 })
      : null;
    const known = [...found.items, ...(before === null ? [] : [before])];
    const items = found.items.map((item) =>
      view(
        item,
        known.find(({ revision }) => revision === item.revision - 1),
      ),
    );
    return { ...found, items };
  });
}

/** One revision of a policy, which may be deleted since: what a record of a call names. */
export async function findRevision(
  store: Store,
  organizationId: string,
  policyId: string,
  revision: number,
): Promise<PolicyRevisionView | null> {
  if (!isUuid(policyId) || !Number.isInteger(revision) || revision < 1) return null;
  return store.withOrganization(organizationId, async (em) => {
    const found = await em.find(PolicyRevision, {
      ...{ organizationId, policyId },
      revision: { $in: [revision, revision - 1] },
    });
    const wanted = found.find((item) => item.revision === revision);
    if (wanted === undefined) return null;
    return view(
      wanted,
      found.find((item) => item.revision === revision - 1),
    );
  });
}
