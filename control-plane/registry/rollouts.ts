import { ConfigChange } from '../store/entities/config-change.ts';
import { RevisionRollout } from '../store/entities/revision-rollout.ts';
import type { Store } from '../store/store.ts';

/** How a revision spread over the nodes, as a whole and for each node group. */
export interface RolloutView {
  readonly revision: number;
  readonly committedAt: Date;
  /** Null: a change of the platform. */
  readonly organizationId: string | null;
  readonly nodesExpected: number;
  readonly nodesApplied: number;
  readonly nodesRejected: number;
  /** Milliseconds from the commit until the last node so far enforced it; null: none does. */
  readonly durationMs: number | null;
  readonly groups: readonly RevisionRollout[];
}

/** How a revision spread, or null when there is no such revision (any more). */
export async function findRollout(store: Store, revision: number): Promise<RolloutView | null> {
  return store.withPlatform(async (em) => {
    const change = await em.findOne(ConfigChange, { revision });
    if (change === null) return null;
    const groups = await em.find(
      RevisionRollout,
      { revision },
      { orderBy: { nodeGroupId: 'asc' } },
    );
    const lastMs = Math.max(...groups.map((group) => group.lastAppliedAt?.getTime() ?? 0), 0);
    const sum = (count: (group: RevisionRollout) => number) =>
      groups.reduce((total, group) => total + count(group), 0);
    return {
      revision,
      committedAt: change.committedAt,
      organizationId: change.organizationId,
      nodesExpected: sum((group) => group.nodesExpected),
      nodesApplied: sum((group) => group.nodesApplied),
      nodesRejected: sum((group) => group.nodesRejected),
      durationMs: lastMs === 0 ? null : Math.max(lastMs - change.committedAt.getTime(), 0),
      groups,
    };
  });
}
