import { createHash } from 'node:crypto';
import type { EntityManager } from '@mikro-orm/postgresql';
import { type AuditedFields, auditedChange } from '../../audit/field-changes.ts';
import { commitChange } from '../../store/commit-change.ts';
import type { PublicKeySet } from '../../store/entities/issuer.ts';
import type { Store } from '../../store/store.ts';
import { systemActor } from '../actor.ts';
import {
  type FetchedIssuer,
  type FetchOutcome,
  fetchIssuer,
  type IssuerFetchDependencies,
  type IssuerToFetch,
} from './fetch-issuer.ts';
import { canonicalKeys } from './public-keys.ts';

/** Time between two looks at an issuer: a provider publishes a new key at least so long before it signs. */
export const issuerRefreshIntervalMsDefault = 5 * 60_000;

export interface IssuerRefreshDependencies extends IssuerFetchDependencies {
  readonly store: Store;
  /** Time between two looks at an issuer, give or take a tenth. */
  readonly intervalMs: number;
  /** 0 to 1. */
  readonly random: () => number;
}

/** Longer than any fetch takes: nobody else asks meanwhile, and what a dead worker held is taken up again. */
const leaseMs = 60_000;
const firstRetryMs = 5000;

const columns = `i.organization_id as "organizationId", i.id, i.issuer_url as "issuerUrl", i.jwks,
  i.jwks_url as "jwksUrl", i.jwks_etag as "jwksEtag", i.jwks_last_modified as "jwksLastModified"`;

/** Takes issuers whose time has come, so that no other worker does. */
export async function claimDueIssuers(store: Store, countMax: number): Promise<IssuerToFetch[]> {
  return store.withSystem((em) =>
    em.execute<IssuerToFetch[]>(
      `update issuers i set next_fetch_at = now() + ? * interval '1 millisecond'
       where (i.organization_id, i.id) in (
         select d.organization_id, d.id from issuers d
         where d.enabled and d.next_fetch_at <= now()
         order by d.next_fetch_at limit ? for update skip locked)
       returning ${columns}`,
      [leaseMs, countMax],
    ),
  );
}

/** Takes one issuer, unless it was asked within `cooldownMs`. */
export async function claimIssuer(
  store: Store,
  of: { readonly organizationId: string; readonly id: string },
  cooldownMs: number,
): Promise<IssuerToFetch | undefined> {
  const [claimed] = await store.withSystem((em) =>
    em.execute<IssuerToFetch[]>(
      `update issuers i set next_fetch_at = now() + ? * interval '1 millisecond'
       where i.organization_id = ? and i.id = ? and i.enabled
         and coalesce(greatest(i.fetched_at, i.fetch_failed_at)
           < now() - ? * interval '1 millisecond', true)
       returning ${columns}`,
      [leaseMs, of.organizationId, of.id, cooldownMs],
    ),
  );
  return claimed;
}

interface Locked {
  readonly name: string;
  readonly jwks: PublicKeySet | null;
  readonly fetchFailures: number;
}

/** The row as it is now; undefined when it is gone, or names another issuer by now. */
async function lockIssuer(em: EntityManager, issuer: IssuerToFetch): Promise<Locked | undefined> {
  const [row] = await em.execute<Locked[]>(
    `select name, jwks, fetch_failures as "fetchFailures" from issuers
     where organization_id = ? and id = ? and issuer_url = ? for update`,
    [issuer.organizationId, issuer.id, issuer.issuerUrl],
  );
  return row;
}

async function saveFailure(
  em: EntityManager,
  issuer: IssuerToFetch,
  { fetchFailures }: Locked,
  error: string,
  deps: IssuerRefreshDependencies,
): Promise<void> {
  const backOffMs = Math.min(firstRetryMs * 2 ** Math.min(fetchFailures, 20), deps.intervalMs);
  await em.execute(
    `update issuers set fetch_failed_at = now(), fetch_error = ?, fetch_failures = least(?, 1000000),
       next_fetch_at = now() + ? * interval '1 millisecond'
     where organization_id = ? and id = ?`,
    [error, fetchFailures + 1, jittered(backOffMs, deps), issuer.organizationId, issuer.id],
  );
}

function jittered(delayMs: number, { random }: IssuerRefreshDependencies): number {
  return Math.round(delayMs * (0.9 + 0.2 * random()));
}

const noKeys = 'The issuer publishes no key that can be used here.';

async function saveSuccess(
  em: EntityManager,
  issuer: IssuerToFetch,
  fetched: FetchedIssuer,
  deps: IssuerRefreshDependencies,
): Promise<void> {
  const isEmpty = (fetched.keys ?? issuer.jwks?.keys ?? []).length === 0;
  await em.execute(
    `update issuers set fetched_at = now(), fetch_failed_at = null, fetch_error = ?, fetch_failures = 0,
       jwks_url = ?, jwks_etag = ?, jwks_last_modified = ?, metadata = ?::jsonb,
       next_fetch_at = now() + ? * interval '1 millisecond'
     where organization_id = ? and id = ?`,
    [
      isEmpty ? noKeys : null,
      fetched.jwksUrl,
      fetched.etag,
      fetched.lastModified,
      JSON.stringify(fetched.metadata),
      jittered(deps.intervalMs, deps),
      issuer.organizationId,
      issuer.id,
    ],
  );
}

/** A key set as its audit entries know it. The hash tells when another key has the same id. */
function auditedKeys(keys: readonly Readonly<Record<string, unknown>>[]): AuditedFields {
  return {
    keyIds: keys.map(({ kid }) => (typeof kid === 'string' ? kid : '')),
    keySetSha256: createHash('sha256').update(canonicalKeys(keys)).digest('hex'),
  };
}

/** Writes a changed key set, with the revision that tells nodes of it. */
async function saveKeys(
  em: EntityManager,
  issuer: IssuerToFetch,
  { name, jwks }: Locked,
  keys: FetchedIssuer['keys'],
): Promise<boolean> {
  if (keys === undefined) return false;
  const before = jwks?.keys ?? [];
  if (jwks !== null && canonicalKeys(before) === canonicalKeys(keys)) return false;
  const { organizationId, id } = issuer;
  await em.execute('update issuers set jwks = ?::jsonb where organization_id = ? and id = ?', [
    JSON.stringify({ keys }),
    organizationId,
    id,
  ]);
  await commitChange(em, {
    organizationId,
    actor: systemActor,
    action: 'issuer.keys_update',
    target: { type: 'issuer', id, label: name },
    ...auditedChange(auditedKeys(before), auditedKeys(keys)),
    resources: [{ kind: 'issuer', id }],
  });
  return true;
}

/** What came of a look at an issuer. `changed`: nodes are being told of other keys. */
export type RefreshResult = 'changed' | 'unchanged' | 'failed' | 'gone';

async function save(
  issuer: IssuerToFetch,
  outcome: FetchOutcome,
  deps: IssuerRefreshDependencies,
): Promise<RefreshResult> {
  return deps.store.withSystem(async (em) => {
    const locked = await lockIssuer(em, issuer);
    if (locked === undefined) return 'gone';
    if (!outcome.ok) {
      await saveFailure(em, issuer, locked, outcome.error, deps);
      return 'failed';
    }
    await saveSuccess(em, issuer, outcome.fetched, deps);
    const changed = await saveKeys(em, issuer, locked, outcome.fetched.keys);
    return changed ? 'changed' : 'unchanged';
  });
}

/**
 * Asks a claimed issuer and writes down what it says: its keys as they are now, so that one that it took
 * back ends at once. When it fails, the last good keys stay.
 */
export async function refreshIssuer(
  issuer: IssuerToFetch,
  deps: IssuerRefreshDependencies,
): Promise<RefreshResult> {
  return save(issuer, await fetchIssuer(issuer, deps), deps);
}
