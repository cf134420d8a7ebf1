import { Membership } from '../store/entities/membership.ts';
import { User } from '../store/entities/user.ts';
import type { Store } from '../store/store.ts';
import type { Actor } from './actor.ts';
import type { Role } from './roles.ts';

/** Organizations that one person can be a member of. */
const membershipsMax = 1000;

/** A person who has proved who they are, with what they may do as of now. */
export interface Principal {
  readonly user: User;
  readonly isOperator: boolean;
  /** Role in each organization that the person is a member of. */
  readonly roles: ReadonlyMap<string, Role>;
  readonly actor: Actor;
}

/**
 * Reads a person's account and memberships: a token says only who somebody is, so that a role that was
 * taken away is gone at once. Undefined when the account is gone or disabled.
 */
export async function loadPrincipal(store: Store, userId: string): Promise<Principal | undefined> {
  return store.withUser(userId, async (em) => {
    const user = await em.findOne(User, { id: userId });
    if (user === null || user.disabledAt !== null) return undefined;
    const memberships = await em.find(Membership, { userId }, { limit: membershipsMax });
    return {
      user,
      isOperator: user.platformRole === 'operator',
      roles: new Map(memberships.map(({ organizationId, role }) => [organizationId, role])),
      actor: { kind: 'user', id: user.id, label: user.email },
    };
  });
}
