import type { EntityManager } from '@mikro-orm/postgresql';
import type { RequestLog, ShadowDecisionEntry } from '../store/entities/request-log.ts';

/** A policy as it was when it decided; the name is null where nothing is known of that revision. */
export interface DecidingPolicy {
  readonly id: string;
  readonly revision: number;
  readonly name: string | null;
}

/** An entry of the request log with the names that its policies had. */
export interface RequestLogView extends Omit<RequestLog, 'shadowDecisions'> {
  readonly policy: DecidingPolicy | null;
  readonly shadowDecisions: readonly {
    readonly policy: DecidingPolicy;
    readonly outcome: ShadowDecisionEntry['outcome'];
  }[];
}

interface Revision {
  readonly id: string;
  readonly revision: number;
}

function revisionKey({ id, revision }: Revision): string {
  return `${id}/${revision}`;
}

function policyOf({ policyId, policyRevision }: RequestLog): Revision[] {
  return policyId === null ? [] : [{ id: policyId, revision: policyRevision ?? 0 }];
}

function revisionsOf(entry: RequestLog): Revision[] {
  const shadow = entry.shadowDecisions ?? [];
  return [...policyOf(entry), ...shadow.map(({ policyId: id, revision }) => ({ id, revision }))];
}

/** History outlives the policy, so that an old entry names it as its caller was told. */
async function namesOf(
  em: EntityManager,
  organizationId: string,
  revisions: readonly Revision[],
): Promise<ReadonlyMap<string, string>> {
  const distinct = new Map(revisions.map((revision) => [revisionKey(revision), revision]));
  if (distinct.size === 0) return new Map();
  const rows = await em.execute<{ id: string; revision: number; name: string }[]>(
    `select r.policy_id as id, r.revision, r.definition ->> 'name' as name
     from policy_revisions r
     join jsonb_to_recordset(?::jsonb) as w(id uuid, revision integer)
       on w.id = r.policy_id and w.revision = r.revision
     where r.organization_id = ?`,
    [JSON.stringify([...distinct.values()]), organizationId],
  );
  return new Map(rows.map((row) => [revisionKey(row), row.name]));
}

/** Entries with the names of the policies that decided them, by one more query when there are any. */
export async function withPolicyNames(
  em: EntityManager,
  organizationId: string,
  entries: readonly RequestLog[],
): Promise<RequestLogView[]> {
  const names = await namesOf(em, organizationId, entries.flatMap(revisionsOf));
  const named = (revision: Revision): DecidingPolicy => ({
    ...revision,
    name: names.get(revisionKey(revision)) ?? null,
  });
  return entries.map((entry) => ({
    ...entry,
    policy: policyOf(entry).map(named)[0] ?? null,
    shadowDecisions: (entry.shadowDecisions ?? []).map(({ policyId: id, revision, outcome }) => ({
      policy: named({ id, revision }),
      outcome,
    })),
  }));
}
