import type { Job } from './job.ts';

/** Forgets log-ins that went to an issuer and never came back. */
export function pruneOidcLoginsJob(): Job {
  return {
    name: 'prune-oidc-logins',
    run: async (em) => {
      await em.execute('delete from oidc_logins where expires_at < now()');
    },
  };
}
