import { normalizeEmail } from '../input/text-rules.ts';
import { User } from '../store/entities/user.ts';
import { systemActor } from './actor.ts';
import { createUser, type UserDependencies } from './users.ts';

/** The first person of an installation, who lets in all others. */
export interface FirstOperator {
  readonly email: string;
  readonly displayName: string;
  readonly password: string;
}

/**
 * Makes the first operator unless there is an account with this e-mail address, which then stays as it
 * is, its password included. Safe to call at every start and from several replicas.
 * @throws {Error} when the input is not valid.
 */
export async function ensureOperator(deps: UserDependencies, input: FirstOperator): Promise<User> {
  const email = normalizeEmail(input.email);
  const find = () => deps.store.withPlatform((em) => em.findOne(User, { email }));
  const known = await find();
  if (known !== null) return known;
  const outcome = await createUser(deps, systemActor, { ...input, platformRole: 'operator' });
  if (outcome.ok) return outcome.value;
  // Another replica may have been faster.
  const found = await find();
  if (found !== null) return found;
  throw new Error(outcome.violations.map(({ message }) => message).join(' '));
}
