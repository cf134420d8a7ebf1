import { LockMode } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { auditedChange } from '../../audit/field-changes.ts';
import { commitChange } from '../../store/commit-change.ts';
import { ApiKey } from '../../store/entities/api-key.ts';
import type { Issuer } from '../../store/entities/issuer.ts';
import { Membership } from '../../store/entities/membership.ts';
import { User } from '../../store/entities/user.ts';
import { UserIdentity } from '../../store/entities/user-identity.ts';
import { readRole } from '../granted-role.ts';
import { revokeMember } from '../revocations.ts';
import { endSessions } from '../sessions.ts';

/** Keys that end together with a membership, in one change; up to 100 sessions take two places in it each. */
const memberKeysMax = 700;

/**
 * Ends the membership that an issuer gave and gives no more, with the member's API keys, access tokens and
 * sessions in the organization: access goes where it came from. A membership that was given by hand, or by
 * another issuer, stays, and so does one with more keys than fit into a change; neither lets the person log in
 * here. In a transaction of the system role.
 * @returns whom the subject is here; null: nobody.
 */
export async function withdrawMember(
  em: EntityManager,
  { organizationId, id: issuerId, name }: Pick<Issuer, 'organizationId' | 'id' | 'name'>,
  subject: string,
  nowMs: number,
): Promise<User | null> {
  const identity = await em.findOne(UserIdentity, { organizationId, issuerId, subject });
  if (identity === null) return null;
  const { userId } = identity;
  const user = await em.findOne(User, { id: userId });
  const membership = await em.findOne(
    Membership,
    { organizationId, userId, issuerId },
    { lockMode: LockMode.PESSIMISTIC_WRITE },
  );
  const owned = { organizationId, subjectUserId: userId };
  const keys = await em.find(ApiKey, owned, { limit: memberKeysMax + 1, fields: ['id'] });
  const role = membership && (await readRole(em, organizationId, membership));
  // The last owner of an organization can't be taken from it, whoever says so.
  if (role === null || role.role === 'owner' || keys.length > memberKeysMax) return user;
  const reach = { userId, organizationId };
  const sessions = await endSessions(em, reach, 'membership_ended', nowMs);
  const revocation = await revokeMember(em, reach, 'member_removed');
  await em.nativeDelete(ApiKey, owned);
  await em.nativeDelete(Membership, reach);
  await commitChange(em, {
    organizationId,
    actor: { kind: 'system', id: issuerId, label: name },
    action: 'member.remove',
    target: { type: 'user', id: userId, ...(user && { label: user.email }) },
    ...auditedChange({ role: role.name }, null, {
      reason: 'role_missing',
      issuerId,
      apiKeysEnded: keys.length,
      sessionsEnded: sessions.filter(({ kind }) => kind === 'session').length,
    }),
    resources: [
      { kind: 'membership', id: userId },
      ...keys.map(({ id }) => ({ kind: 'api_key', id }) as const),
      ...sessions,
      revocation,
    ],
  });
  return user;
}
