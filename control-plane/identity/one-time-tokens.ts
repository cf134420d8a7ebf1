import { LockMode } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { credentialId, credentialMatches, newCredential } from '../../common/credential.ts';
import { recordAudit } from '../store/commit-change.ts';
import { OneTimeToken } from '../store/entities/one-time-token.ts';
import { uuidV7 } from '../store/uuid-v7.ts';
import type { LoginThrottle } from './login-throttle.ts';

/** What a token is for, with the fields that belong to it. */
export type OneTimePurpose =
  | (Pick<OneTimeToken, 'email' | 'role' | 'customRoleId'> & {
      readonly purpose: 'invitation';
      readonly organizationId: string;
    })
  | {
      readonly purpose: 'password_reset';
      readonly userId: string;
      readonly organizationId: string | null;
    };

export interface NewOneTimeToken {
  readonly row: OneTimeToken;
  /** Shown once. */
  readonly token: string;
}

/** Makes a token in the caller's transaction. There is no mail server: the caller hands it over. */
export function createOneTimeToken(
  em: EntityManager,
  purpose: OneTimePurpose,
  {
    createdBy,
    nowMs,
    lifetimeMs,
  }: { readonly createdBy: string; readonly nowMs: number; readonly lifetimeMs: number },
): NewOneTimeToken {
  const credential = newCredential('oneTimeToken');
  const row = em.create(OneTimeToken, {
    id: uuidV7(nowMs),
    tokenId: credential.id,
    tokenHash: credential.hash,
    ...{ userId: null, email: null, role: null, customRoleId: null },
    ...purpose,
    createdBy,
    createdAt: new Date(nowMs),
    expiresAt: new Date(nowMs + lifetimeMs),
    usedAt: null,
    revokedAt: null,
  });
  return { row, token: credential.text };
}

/** Why a presented token is not good, for the audit trail; who presents it learns only that it is not. */
export type TokenFault =
  | 'used'
  | 'revoked'
  | 'expired'
  | 'outdated'
  /** It is for an address that has an account, and nobody is logged in with that. */
  | 'account_needed'
  /** It is for another address than that of who is logged in. */
  | 'account_differs';

export type PresentedToken =
  | { readonly kind: 'good'; readonly token: OneTimeToken }
  /** It was given out, and is no more good. */
  | { readonly kind: 'spent'; readonly token: OneTimeToken; readonly fault: TokenFault }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'limited'; readonly retryAfterMs: number };

function faultOf(token: OneTimeToken, nowMs: number): TokenFault | undefined {
  if (token.usedAt !== null) return 'used';
  if (token.revokedAt !== null) return 'revoked';
  return token.expiresAt.getTime() <= nowMs ? 'expired' : undefined;
}

export interface Presentation {
  readonly text: string;
  readonly purpose: OneTimeToken['purpose'];
  readonly clientAddress: string;
  readonly nowMs: number;
}

/**
 * Finds a presented token and locks it, so that of two who present it at once one is first. In a transaction
 * of the system role: nobody is known yet.
 */
export async function lockOneTimeToken(
  em: EntityManager,
  throttle: LoginThrottle,
  { text, purpose, clientAddress, nowMs }: Presentation,
): Promise<PresentedToken> {
  const tokenId = credentialId('oneTimeToken', text);
  if (tokenId === undefined) return { kind: 'unknown' };
  const retryAfterMs = await throttle.tokensBlockedForMs(em, clientAddress);
  if (retryAfterMs > 0) return { kind: 'limited', retryAfterMs };
  const token = await em.findOne(
    OneTimeToken,
    { tokenId, purpose },
    // Whoever locks the account first has read the token already.
    { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true },
  );
  if (token === null || !credentialMatches(text, token.tokenHash)) {
    await throttle.tokenFailed(em, clientAddress);
    // As often as the throttle lets somebody try. What was presented is a stranger's text, and not kept.
    await recordAudit(em, {
      organizationId: null,
      actor: { kind: 'user', id: 'unknown', clientAddress },
      action: 'one_time_token.refused',
      target: { type: 'one_time_token', id: 'unknown' },
      details: { purpose, reason: 'unknown' },
    });
    return { kind: 'unknown' };
  }
  const fault = faultOf(token, nowMs);
  return fault === undefined ? { kind: 'good', token } : { kind: 'spent', token, fault };
}

/** Writes that a token which was given out was presented in vain. */
export async function recordSpentToken(
  em: EntityManager,
  { token, fault }: { readonly token: OneTimeToken; readonly fault: TokenFault },
  clientAddress: string,
): Promise<void> {
  await recordAudit(em, {
    organizationId: token.organizationId,
    actor: { kind: 'user', id: token.userId ?? 'unknown', clientAddress },
    action: 'one_time_token.refused',
    target: { type: 'one_time_token', id: token.tokenId },
    details: { purpose: token.purpose, reason: fault },
  });
}
