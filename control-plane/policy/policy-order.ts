import type { EntityManager } from '@mikro-orm/postgresql';
import type { ChangedResource } from '../store/changed-resource.ts';

/** Room between two neighbours when there is no reason for less. */
const gap = 2 ** 16;
/** Where an organization's first policy stands, with room on both sides. */
const middle = 2 ** 30;
/** Largest integer of a column. */
const positionMax = 2 ** 31 - 1;

/** Where a policy is to stand: at an end of the order, or right beside another policy. */
export type PolicyPlace =
  | { readonly kind: 'first' | 'last' }
  | { readonly kind: 'before' | 'after'; readonly policyId: string };

/** Positions of those whom a policy is to stand between; undefined: it is to be the first, or the last. */
export interface Neighbours {
  readonly before: number | undefined;
  readonly after: number | undefined;
}

/** A free position between two neighbours, or undefined when there is none. */
export function positionBetween({ before, after }: Neighbours): number | undefined {
  const lowest = before === undefined ? 0 : before + 1;
  const highest = after === undefined ? positionMax : after - 1;
  if (lowest > highest) return undefined;
  if (before === undefined && after === undefined) return middle;
  if (before === undefined) return Math.max(highest + 1 - gap, lowest);
  if (after === undefined) return Math.min(lowest - 1 + gap, highest);
  return Math.floor((lowest + highest) / 2);
}

const neighbourQueries: Readonly<Record<PolicyPlace['kind'], string>> = {
  first: `select null as before, min(position) as after from others`,
  last: `select max(position) as before, null as after from others`,
  before: `select (select max(position) from others where position < anchor.position) as before,
    anchor.position as after from others as anchor where anchor.id = ?`,
  after: `select anchor.position as before,
    (select min(position) from others where position > anchor.position) as after
    from others as anchor where anchor.id = ?`,
};

async function neighboursOf(
  em: EntityManager,
  organizationId: string,
  place: PolicyPlace,
  movedId: string | null,
): Promise<Neighbours | undefined> {
  const others = `with others as (select id, position from policies
    where organization_id = ? and id is distinct from ?::uuid)`;
  const [found] = await em.execute<{ before: number | null; after: number | null }[]>(
    `${others} ${neighbourQueries[place.kind]}`,
    [organizationId, movedId, ...('policyId' in place ? [place.policyId] : [])],
  );
  return found && { before: found.before ?? undefined, after: found.after ?? undefined };
}

/** Spreads an organization's policies evenly. Their order stays, so that it is no change of any of them. */
async function renumber(em: EntityManager, organizationId: string): Promise<void> {
  await em.execute(
    `with ordered as (
       select id, row_number() over (order by position) - 1 as place, count(*) over () as total
       from policies where organization_id = ?)
     update policies p set position = ? + (o.place - o.total / 2) * ?
     from ordered o where p.organization_id = ? and p.id = o.id`,
    [organizationId, middle, gap, organizationId],
  );
}

/** A free position, and what nodes have to look at again for it besides the policy that gets it. */
export interface FreePosition {
  readonly position: number;
  readonly resources: readonly ChangedResource[];
}

/**
 * Finds a position at a place; all policies are renumbered when there is none, which takes more than a dozen
 * moves to the very same spot. Undefined: the place is beside a policy that doesn't exist.
 * @param movedId who is to stand there; null: a new one.
 */
export async function freePosition(
  em: EntityManager,
  organizationId: string,
  place: PolicyPlace,
  movedId: string | null,
): Promise<FreePosition | undefined> {
  const neighbours = await neighboursOf(em, organizationId, place, movedId);
  if (neighbours === undefined) return undefined;
  const position = positionBetween(neighbours);
  if (position !== undefined) return { position, resources: [] };
  await renumber(em, organizationId);
  const spread = await neighboursOf(em, organizationId, place, movedId);
  const found = spread && positionBetween(spread);
  if (found === undefined) throw new Error('Renumbered policies leave no room for another one.');
  return { position: found, resources: [{ kind: 'policy_order', id: organizationId }] };
}
