import { randomUUID } from 'node:crypto';
import type { EntityManager } from '@mikro-orm/postgresql';
import { accessTokenBounds } from '../../common/access-token-bounds.ts';
import type { ChangedResource } from '../store/changed-resource.ts';

/** A node whose clock is behind takes a token for longer than the database's clock says: a revocation outlasts it. */
const marginMs = 2 * accessTokenBounds.clockSkewMsMax;

/** Why tokens end, as the list of revocations and the audit trail say it. */
export type RevocationReason =
  | 'session_ended'
  | 'refresh_token_reused'
  | 'user_disabled'
  | 'user_deleted'
  | 'password_changed'
  | 'member_removed'
  | 'role_changed';

/*
 * What follows is called inside the transaction of the change that ends something, before `commitChange`,
 * whose `resources` take what is returned: then nodes hear of it with the change itself. It is one resource,
 * however many organizations have tokens. The clock is the database's, and rows that the change locks keep a
 * token from being issued meanwhile, so that none escapes between two replicas' clocks.
 */

async function revokeTokens(
  em: EntityManager,
  covered: 'session_id' | 'subject',
  condition: string,
  parameters: readonly string[],
  reason: RevocationReason,
): Promise<ChangedResource> {
  await em.flush();
  const id = randomUUID();
  const margin = `${marginMs} * interval '1 millisecond'`;
  const values =
    covered === 'session_id'
      ? 't.session_id, null::text, null::timestamptz'
      : `null::uuid, 'user:' || t.user_id, clock_timestamp()`;
  await em.execute(
    `insert into revocations (organization_id, id, change_id, reason, created_at, expires_at,
       session_id, subject, issued_before)
     select t.organization_id, gen_random_uuid(), ?::uuid, ?, clock_timestamp(),
       max(t.expires_at) + ${margin}, ${values}
     from session_proxy_tokens t
     where ${condition} and t.expires_at + ${margin} > clock_timestamp()
     group by t.organization_id, ${covered === 'session_id' ? 't.session_id' : 't.user_id'}`,
    [id, reason, ...parameters],
  );
  return { kind: 'revocation', id };
}

/** The access tokens at the proxy that one session was given, in every organization. */
export function revokeSession(
  em: EntityManager,
  sessionId: string,
  reason: RevocationReason,
): Promise<ChangedResource> {
  return revokeTokens(em, 'session_id', 't.session_id = ?::uuid', [sessionId], reason);
}

/** The access tokens that a person was given so far, in every organization; before the account is deleted. */
export function revokeUser(
  em: EntityManager,
  userId: string,
  reason: RevocationReason,
): Promise<ChangedResource> {
  return revokeTokens(em, 'subject', 't.user_id = ?::uuid', [userId], reason);
}

/**
 * The access tokens that everybody with a custom role was given so far. It locks the memberships first, so
 * that no token is issued by what the role allowed before.
 */
export async function revokeRole(
  em: EntityManager,
  { organizationId, id }: { readonly organizationId: string; readonly id: string },
): Promise<ChangedResource> {
  const holders = 'organization_id = ? and custom_role_id = ?';
  await em.execute(`select user_id from memberships where ${holders} order by user_id for update`, [
    organizationId,
    id,
  ]);
  const condition = `t.organization_id = ?::uuid
    and t.user_id in (select user_id from memberships where ${holders})`;
  return revokeTokens(
    em,
    'subject',
    condition,
    [organizationId, organizationId, id],
    'role_changed',
  );
}

/** The access tokens that a person was given so far for one organization. */
export function revokeMember(
  em: EntityManager,
  member: { readonly organizationId: string; readonly userId: string },
  reason: RevocationReason,
): Promise<ChangedResource> {
  const condition = 't.user_id = ?::uuid and t.organization_id = ?::uuid';
  return revokeTokens(em, 'subject', condition, [member.userId, member.organizationId], reason);
}
