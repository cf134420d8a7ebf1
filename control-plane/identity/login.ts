import { LockMode } from '@mikro-orm/core';
import { normalizeEmail, textBounds } from '../input/text-rules.ts';
import { recordAudit } from '../store/commit-change.ts';
import { User } from '../store/entities/user.ts';
import type { Actor } from './actor.ts';
import type { CountedAttempt, LoginThrottle } from './login-throttle.ts';
import type { PasswordDesk } from './password-desk.ts';
import {
  openSession,
  recordLogin,
  type SessionDependencies,
  type SessionOrigin,
  type SessionTokens,
  storableOrigin,
} from './sessions.ts';

export interface LoginDependencies extends SessionDependencies {
  readonly passwords: PasswordDesk;
  readonly throttle: LoginThrottle;
}

export interface LoginRequest extends SessionOrigin {
  readonly email: string;
  readonly password: string;
}

/** A person who has a session from now on. */
export interface LoggedIn extends SessionTokens {
  readonly user: User;
}

export type LoginResult =
  | ({ readonly kind: 'loggedIn' } & LoggedIn)
  | { readonly kind: 'failed' }
  | { readonly kind: 'limited'; readonly retryAfterMs: number };

/** Why a log-in failed, for the audit trail; the caller is not told. */
function failureOf(user: User | null): string {
  if (user === null) return 'account_unknown';
  if (user.disabledAt !== null) return 'account_disabled';
  return user.passwordHash === null ? 'password_none' : 'password_wrong';
}

function actorOf(user: User | null, clientAddress: string): Actor {
  const known = user === null ? { id: 'unknown' } : { id: user.id, label: user.email };
  return { kind: 'user', ...known, clientAddress };
}

async function failed(
  { store }: LoginDependencies,
  user: User | null,
  origin: SessionOrigin,
): Promise<LoginResult> {
  // Written for an unknown address too: the time of the answer must not tell the two apart.
  await store.withSystem((em) =>
    recordAudit(em, {
      organizationId: null,
      actor: actorOf(user, origin.clientAddress),
      action: 'user.login_failed',
      target: { type: 'user', id: user?.id ?? 'unknown' },
      details: { method: 'password', reason: failureOf(user) },
      privateDetails: { userAgent: origin.userAgent },
    }),
  );
  return { kind: 'failed' };
}

/** Opens the session, unless the account changed while its password was checked. */
async function opened(
  deps: LoginDependencies,
  checked: User,
  attempt: CountedAttempt,
  origin: SessionOrigin,
): Promise<LoginResult> {
  const loggedIn = await deps.store.withSystem(async (em): Promise<LoginResult | undefined> => {
    const user = await em.findOne(
      User,
      { id: checked.id, passwordHash: checked.passwordHash, disabledAt: null },
      { lockMode: LockMode.PESSIMISTIC_READ },
    );
    if (user === null) return undefined;
    await deps.throttle.succeeded(em, attempt);
    const session = await openSession(deps, em, { ...origin, userId: user.id });
    const event = {
      organizationId: null,
      actor: actorOf(user, origin.clientAddress),
      action: 'user.login',
      target: { type: 'user', id: user.id },
      details: { method: 'password' },
      privateDetails: { userAgent: origin.userAgent },
    };
    await recordLogin(em, event, session);
    return { kind: 'loggedIn', user, access: session.access, refresh: session.refresh };
  });
  return loggedIn ?? failed(deps, checked, origin);
}

/**
 * Checks e-mail and password and opens a session. An unknown address, a wrong password, an account without
 * a password and a disabled one get the same answer after the same work. Each outcome is in the platform's
 * audit trail, but for attempts that are refused unseen.
 * @throws {PasswordWorkExhausted}
 */
export async function login(deps: LoginDependencies, request: LoginRequest): Promise<LoginResult> {
  const email = normalizeEmail(request.email.slice(0, textBounds.emailLengthMax + 1));
  const origin = storableOrigin(request);
  const { store, throttle } = deps;
  const { begun, user } = await store.withSystem(async (em) => ({
    begun: await throttle.begin(em, { email, clientAddress: origin.clientAddress }),
    user: await em.findOne(User, { email }),
  }));
  if (begun.kind === 'blocked') return { kind: 'limited', retryAfterMs: begun.retryAfterMs };
  const { attempt } = begun;
  const tooLong = request.password.length > textBounds.passwordLengthMax;
  const stored = tooLong || user?.disabledAt ? undefined : (user?.passwordHash ?? undefined);
  let matches: boolean;
  try {
    matches = await deps.passwords.verify(tooLong ? '' : request.password, stored);
  } catch (error) {
    await store.withSystem((em) => throttle.undo(em, attempt));
    throw error;
  }
  return user !== null && matches
    ? opened(deps, user, attempt, origin)
    : failed(deps, user, origin);
}
