import { Counter, type Registry } from 'prom-client';
import { type CredentialRefusal, credentialRefusals, refusalIn } from './unauthenticated.ts';

/** Labels of the metric of log-ins. */
const loginOutcomes = ['logged_in', 'failed', 'limited', 'busy'] as const;
type LoginOutcome = (typeof loginOutcomes)[number];

/** What is counted of who comes in: a refused credential leaves this trace when it leaves no audit entry. */
export interface CredentialMetrics {
  refused(refusal: CredentialRefusal): void;
  /** Counts an error that stands for a refused credential; leaves others out. */
  countError(error: unknown): void;
  login(outcome: LoginOutcome): void;
}

export function createCredentialMetrics(registry: Registry): CredentialMetrics {
  const registers = [registry];
  const refusals = new Counter({
    name: 'mcpgw_graphql_credentials_refused_total',
    help: 'Access and refresh tokens that were refused, by reason.',
    labelNames: ['reason'],
    registers,
  });
  const logins = new Counter({
    name: 'mcpgw_logins_total',
    help: 'Log-ins by password, by outcome.',
    labelNames: ['outcome'],
    registers,
  });
  for (const reason of credentialRefusals) refusals.inc({ reason }, 0);
  for (const outcome of loginOutcomes) logins.inc({ outcome }, 0);
  return {
    refused: (reason) => refusals.inc({ reason }),
    countError: (error) => {
      const reason = refusalIn(error);
      if (reason !== undefined) refusals.inc({ reason });
    },
    login: (outcome) => logins.inc({ outcome }),
  };
}
