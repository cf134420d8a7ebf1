import type { Job } from './job.ts';

/** Rows that one run deletes of each kind: a backlog takes several runs instead of a long transaction. */
const rowsMax = 5000;
/** Accounts and addresses whose failures are remembered; beyond it those that end first are forgotten. */
const throttlesMax = 500_000;

const dueRows = `
-- Nobody holds a refresh token of it any more. Its access tokens ended before: none outlives the refresh token.
with idle as (
  select s.id from sessions s
  where s.ended_at is null and s.expires_at > now() and not exists (
    select from refresh_tokens t
    where t.session_id = s.id and t.used_at is null and t.expires_at > now())
  limit ${rowsMax} for update skip locked)
update sessions s set ended_at = now(), end_reason = 'idle' from idle where s.id = idle.id;

delete from refresh_tokens where token_id in (
  select t.token_id from refresh_tokens t join sessions s on s.id = t.session_id
  where least(s.ended_at, s.expires_at) < now() - interval '1 day' limit ${rowsMax});

delete from session_proxy_tokens t where t.expires_at < now() - interval '1 hour';

delete from one_time_tokens where id in (
  select id from one_time_tokens where expires_at < now() - interval '7 days' limit ${rowsMax});

delete from login_throttles where window_ends_at < now();

delete from login_throttles where key in (
  select key from login_throttles order by window_ends_at desc offset ${throttlesMax});
`;

/**
 * Ends sessions that were not refreshed in time, and forgets what is over: refresh tokens a day after their
 * session, sessions after `forgottenAfterMs` (until then they say where an account is usually used from),
 * one-time tokens a week after their end, and failed log-ins after their window.
 */
export function pruneSessionsJob(options: { readonly forgottenAfterMs: number }): Job {
  return {
    name: 'prune-sessions',
    run: async (em) => {
      for (const statement of dueRows.split(';').filter((text) => text.trim() !== '')) {
        await em.execute(statement);
      }
      await em.execute(
        `delete from sessions where id in (
           select id from sessions
           where least(ended_at, expires_at) < now() - ? * interval '1 second' limit ${rowsMax})`,
        [options.forgottenAfterMs / 1000],
      );
    },
  };
}
