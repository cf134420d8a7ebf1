import { accessTokenBounds } from '../../common/access-token-bounds.ts';
import { commitChange } from '../store/commit-change.ts';
import type { Job } from './job.ts';

/** In one change; it names each, and a change has a bound. */
const prunedPerChange = 900;
/** A node's clock may be behind the database's. */
const kept = `${12 * accessTokenBounds.clockSkewMsMax} * interval '1 millisecond'`;

/** Removes revocations once all that they cover has expired, also by a clock that is late. */
export const pruneRevocationsJob: Job = {
  name: 'prune-revocations',
  run: async (em, again) => {
    const pruned = await em.execute<{ id: string }[]>(
      `delete from revocations where (organization_id, id) in (
         select organization_id, id from revocations where expires_at + ${kept} < now()
         order by expires_at limit ${prunedPerChange} for update skip locked)
       returning id`,
    );
    if (pruned.length === 0) return;
    await commitChange(em, {
      organizationId: null,
      actor: { kind: 'system', id: 'platform' },
      action: 'revocation.prune',
      target: { type: 'revocation', id: 'expired' },
      details: { count: pruned.length },
      resources: pruned.map(({ id }) => ({ kind: 'revocation', id })),
    });
    if (pruned.length === prunedPerChange) again();
  },
};
