import { notifyNodes } from '../store/notify.ts';
import type { Job } from './job.ts';

/**
 * Forgets nodes that haven't been seen for long and for which no token stands any more, and how revisions
 * spread that far back. Watermarks stay: a spool may come back, and its events must not count twice.
 */
export function pruneNodesJob(options: { readonly forgottenAfterMs: number }): Job {
  return {
    name: 'prune-nodes',
    run: async (em) => {
      const seconds = options.forgottenAfterMs / 1000;
      const pruned = await em.execute<{ id: string }[]>(
        `delete from nodes n
         where not n.connected
           and coalesce(n.last_seen_at, n.created_at) < now() - ? * interval '1 second'
           and not exists (select from node_tokens t
             where t.node_group_id = n.node_group_id and t.name = n.name and t.revoked_at is null
               and (t.expires_at is null or t.expires_at > now()))
           and not exists (select from event_watermarks w where w.node_id = n.id
             and w.updated_at > now() - ? * interval '1 second')
         returning n.id`,
        [seconds, seconds],
      );
      await em.execute(
        `delete from revision_rollouts where updated_at < now() - ? * interval '1 second'`,
        [seconds],
      );
      if (pruned.length > 0) await notifyNodes(em);
    },
  };
}
