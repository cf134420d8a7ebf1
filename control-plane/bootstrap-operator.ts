import type { Logger } from '../common/logging.ts';
import { createPasswordDesk } from './identity/password-desk.ts';
import { createUser } from './identity/users.ts';
import { User } from './store/entities/user.ts';
import type { Store } from './store/store.ts';

/** The first person of an installation, who lets in all others. */
export interface BootstrapOperator {
  readonly email: string;
  readonly password: string;
}

/**
 * Makes the operator's account unless there is one with this e-mail address, whose password then stays as
 * it is. Safe to call from several replicas at once.
 * @throws {Error} when the address or the password is not valid.
 */
export async function ensureOperator(
  store: Store,
  { email, password }: BootstrapOperator,
  logger: Logger,
): Promise<void> {
  const isKnown = () =>
    store.withPlatform(async (em) => (await em.count(User, { email: email.toLowerCase() })) > 0);
  if (await isKnown()) return;
  const passwords = createPasswordDesk({ concurrencyMax: 1, waitingMax: 1 });
  const outcome = await createUser(
    { store, passwords },
    { kind: 'system', id: 'bootstrap' },
    { email, password, displayName: 'Operator', platformRole: 'operator' },
  );
  if (outcome.ok) logger.info({ email }, 'operator account created');
  else if (!(await isKnown())) {
    throw new Error(outcome.violations.map(({ message }) => message).join(' '));
  }
}
