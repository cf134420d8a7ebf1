import { CustomRole } from '../store/entities/custom-role.ts';
import { Membership } from '../store/entities/membership.ts';
import type { ServiceAccount } from '../store/entities/service-account.ts';
import { User } from '../store/entities/user.ts';
import type { Store } from '../store/store.ts';
import type { Actor } from './actor.ts';
import { type GrantedRole, grantedRole } from './granted-role.ts';
import type { Permissions } from './roles.ts';
import { sessionStanding } from './sessions.ts';

/** Organizations that one person can be a member of. */
const membershipsMax = 1000;

/** What every caller has, whoever it is. */
interface Caller {
  readonly isOperator: boolean;
  readonly actor: Actor;
  /** May query and subscribe, and change nothing. */
  readonly isReadOnly: boolean;
  /** What the caller may do in an organization as of now; undefined: it is not the caller's. */
  permissionsIn(organizationId: string): Permissions | undefined;
}

/** A person who has proved who they are. */
export interface Person extends Caller {
  readonly kind: 'user';
  readonly user: User;
  /** The session that the person acts in. */
  readonly sessionId: string;
  /** The only organization where the session is good; null: wherever the person is a member. */
  readonly organizationId: string | null;
  /**
   * Role in each organization that the person is a member of, as far as the session reaches: of one that an
   * issuer vouched for that organization, of one by password those where the membership was given by hand.
   */
  readonly grants: ReadonlyMap<string, GrantedRole>;
}

/** A service account that showed an API key for administration. It belongs to one organization. */
export interface Service extends Caller {
  readonly kind: 'service';
  readonly isOperator: false;
  readonly account: Pick<ServiceAccount, 'id' | 'name'>;
  readonly organizationId: string;
  /** The account's role; the key's scopes may allow less. */
  readonly role: GrantedRole;
  /** When the key ends as of now: a rotation sets it. Milliseconds since the Unix epoch; infinite: never. */
  readonly expiresAtMs: number;
}

/** Who calls, with what they may do as of now. */
export type Principal = Person | Service;

/** Whom a session's access token names. */
export interface PersonReference {
  readonly userId: string;
  readonly sessionId: string;
  readonly organizationId: string | null;
}

/** Why a person's token is good no more before its time. */
export type PersonRefusal =
  | 'account_gone'
  | 'account_disabled'
  | 'session_ended'
  | 'session_expired';

/**
 * Reads a person's account, session and memberships: a token says only who somebody is, so that a role that
 * was taken away, and a session that was ended, are gone at once.
 */
export async function loadPerson(
  store: Store,
  { userId, sessionId, organizationId }: PersonReference,
  nowMs: number,
): Promise<Person | PersonRefusal> {
  return store.withUser(userId, async (em): Promise<Person | PersonRefusal> => {
    const user = await em.findOne(User, { id: userId });
    if (user === null) return 'account_gone';
    if (user.disabledAt !== null) return 'account_disabled';
    const standing = await sessionStanding(em, { userId, sessionId, organizationId }, nowMs);
    if (standing !== 'standing') return `session_${standing}`;
    // Where an issuer vouches for a member, nobody is one who only knows the account's password: whoever made
    // an account with somebody else's address would else come in with them.
    const reach = organizationId === null ? { issuerId: null } : { organizationId };
    const memberships = await em.find(Membership, { userId, ...reach }, { limit: membershipsMax });
    const customRoleIds = memberships.flatMap(({ customRoleId }) => customRoleId ?? []);
    const customRoles =
      customRoleIds.length === 0 ? [] : await em.find(CustomRole, { id: { $in: customRoleIds } });
    const grants = new Map(
      memberships.map((membership) => [
        membership.organizationId,
        grantedRole(membership, customRoles),
      ]),
    );
    return {
      kind: 'user',
      user,
      sessionId,
      organizationId,
      // An organization's issuer vouches for members, not for the platform's operators.
      isOperator: user.platformRole === 'operator' && organizationId === null,
      isReadOnly: false,
      grants,
      permissionsIn: (id) => grants.get(id)?.permissions,
      actor: {
        kind: 'user',
        id: user.id,
        label: user.email,
        credential: { kind: 'session', id: sessionId },
      },
    };
  });
}
