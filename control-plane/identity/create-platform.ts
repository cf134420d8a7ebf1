import { normalizeEmail } from '../input/text-rules.ts';
import type { Outcome } from '../input/violation.ts';
import { Organization } from '../store/entities/organization.ts';
import { User } from '../store/entities/user.ts';
import { systemActor } from './actor.ts';
import { createOrganization } from './organizations.ts';
import { createUser, type UserDependencies } from './users.ts';

export interface PlatformInput {
  readonly email: string;
  readonly displayName: string;
  readonly password: string;
  readonly organization: { readonly slug: string; readonly name: string };
}

/** A platform's first person and first organization. */
export interface Platform {
  readonly operator: User;
  readonly organization: Organization;
}

/** The result, or, when another replica was faster, what it wrote. */
async function settled<T>(outcome: Outcome<T>, find: () => Promise<T | null>): Promise<T> {
  if (outcome.ok) return outcome.value;
  const found = await find();
  if (found !== null) return found;
  throw new Error(outcome.violations.map(({ message }) => message).join(' '));
}

/**
 * Makes the first operator and an organization that the operator owns, as far as they are missing; what is
 * there stays as it is, the password included. Safe to call at every start and from several replicas.
 * @throws {Error} when the input is not valid.
 */
export async function createPlatform(
  deps: UserDependencies,
  input: PlatformInput,
): Promise<Platform> {
  const { store } = deps;
  const email = normalizeEmail(input.email);
  const { slug } = input.organization;
  const findOperator = () => store.withPlatform((em) => em.findOne(User, { email }));
  const findOrganization = () => store.withPlatform((em) => em.findOne(Organization, { slug }));
  const operator =
    (await findOperator()) ??
    (await settled(
      await createUser(deps, systemActor, { ...input, platformRole: 'operator' }),
      findOperator,
    ));
  const organization =
    (await findOrganization()) ??
    (await settled(
      await createOrganization(store, systemActor, {
        ...input.organization,
        enabled: true,
        mustAudit: false,
        allowedOrigins: [],
        ownerId: operator.id,
      }),
      findOrganization,
    ));
  return { operator, organization };
}
