import { normalizeEmail, textBounds } from '../input/text-rules.ts';
import { recordAudit } from '../store/commit-change.ts';
import { User } from '../store/entities/user.ts';
import type { Store } from '../store/store.ts';
import type { AccessTokens, IssuedToken } from './access-token.ts';
import type { AttemptLimit } from './attempt-limit.ts';
import type { PasswordDesk } from './password-desk.ts';

export interface LoginDependencies {
  readonly store: Store;
  readonly passwords: PasswordDesk;
  readonly tokens: AccessTokens;
  readonly accountAttempts: AttemptLimit;
  readonly addressAttempts: AttemptLimit;
}

export interface LoginRequest {
  readonly email: string;
  readonly password: string;
  /** Address of the caller, as the server sees it. */
  readonly clientAddress: string;
}

export type LoginResult =
  | { readonly kind: 'loggedIn'; readonly user: User; readonly issued: IssuedToken }
  | { readonly kind: 'failed' }
  | { readonly kind: 'limited'; readonly retryAfterMs: number };

/**
 * Checks e-mail and password. An unknown address, a wrong password, an account without a password and a
 * disabled one get the same answer after the same work. Each outcome is in the platform's audit trail.
 * @throws {PasswordWorkExhausted}
 */
export async function login(deps: LoginDependencies, request: LoginRequest): Promise<LoginResult> {
  const email = normalizeEmail(request.email.slice(0, textBounds.emailLengthMax + 1));
  const { accountAttempts, addressAttempts, store } = deps;
  const retryAfterMs = Math.max(
    accountAttempts.retryAfterMs(email),
    addressAttempts.retryAfterMs(request.clientAddress),
  );
  if (retryAfterMs > 0) return { kind: 'limited', retryAfterMs };
  const tooLong = request.password.length > textBounds.passwordLengthMax;
  const user = await store.withSystem((em) => em.findOne(User, { email }));
  const stored = tooLong || user?.disabledAt ? undefined : (user?.passwordHash ?? undefined);
  const matches = await deps.passwords.verify(tooLong ? '' : request.password, stored);
  // Written for an unknown address too: the time of the answer must not tell the two apart.
  await store.withSystem((em) =>
    recordAudit(em, {
      organizationId: null,
      actor:
        user === null
          ? { kind: 'user', id: 'unknown' }
          : { kind: 'user', id: user.id, label: user.email },
      action: matches ? 'user.login' : 'user.login_failed',
      target: { type: 'user', id: user?.id ?? 'unknown' },
      privateDetails: { clientAddress: request.clientAddress },
    }),
  );
  if (user === null || !matches) {
    accountAttempts.failed(email);
    addressAttempts.failed(request.clientAddress);
    return { kind: 'failed' };
  }
  accountAttempts.succeeded(email);
  return { kind: 'loggedIn', user, issued: await deps.tokens.issue(user.id) };
}
