import { randomBytes } from 'node:crypto';
import { UniqueConstraintViolationException } from '@mikro-orm/core';
import {
  calculatePKCECodeChallenge,
  generateRandomCodeVerifier,
  generateRandomNonce,
  type IDToken,
} from 'oauth4webapi';
import { auditedChange } from '../../audit/field-changes.ts';
import { done, notFound, type Outcome, refused, violation } from '../../input/violation.ts';
import { commitChange, recordAudit } from '../../store/commit-change.ts';
import type { Issuer } from '../../store/entities/issuer.ts';
import type { User } from '../../store/entities/user.ts';
import { issuerSecretContext, openSecret } from '../../store/envelope.ts';
import type { MasterKeyRing } from '../../store/master-key-ring.ts';
import type { Actor } from '../actor.ts';
import {
  claimIssuer,
  type IssuerRefreshDependencies,
  refreshIssuer,
} from '../issuers/refresh-issuer.ts';
import type { LoggedIn } from '../login.ts';
import type { LoginThrottle } from '../login-throttle.ts';
import type { Limited } from '../passwords.ts';
import {
  openSession,
  recordLogin,
  type SessionDependencies,
  type SessionOrigin,
  storableOrigin,
} from '../sessions.ts';
import { auditedUser } from '../users.ts';
import { type AdmissionFailure, admitPerson } from './admit-person.ts';
import { type AuthorizationResponse, type ExchangeFailure, exchangeCode } from './exchange-code.ts';
import { findLoginIssuer, findLoginIssuerById } from './login-issuers.ts';
import {
  type LoginProof,
  type PendingLogin,
  savePendingLogin,
  takePendingLogin,
} from './pending-logins.ts';
import { withdrawMember } from './withdraw-member.ts';

export interface OidcLoginDependencies extends SessionDependencies {
  readonly masterKeys: MasterKeyRing;
  readonly refresh: IssuerRefreshDependencies;
  readonly throttle: LoginThrottle;
  readonly bounds: SessionDependencies['bounds'] & {
    /** Log-ins that are on their way through one issuer. */
    readonly issuerLoginsAwayMax: number;
  };
}

export interface OidcLoginRequest {
  /** Slug of the organization. */
  readonly organization: string;
  /** Name of its issuer. */
  readonly issuer: string;
  /** Where the person comes back to. */
  readonly redirectUrl: string;
  readonly clientAddress: string;
}

/** A log-in that has begun: the person goes to the URL, and comes back with `state` and a code. */
export interface BegunOidcLogin extends LoginProof {
  readonly authorizationUrl: string;
}

function newSecretText(): string {
  return randomBytes(32).toString('base64url');
}

async function authorizationUrl(
  { clientId, loginScopes, metadata }: Issuer,
  { verifier, nonce, redirectUrl }: PendingLogin,
  state: string,
): Promise<string> {
  const url = new URL(metadata?.authorization_endpoint ?? '');
  const parameters = {
    response_type: 'code',
    client_id: clientId ?? '',
    redirect_uri: redirectUrl,
    scope: loginScopes.join(' '),
    state,
    nonce,
    code_challenge: await calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

/**
 * Begins a log-in through an organization's issuer. Nothing is asked of the issuer for it. An address that has
 * begun many which did not come back has to wait.
 */
export async function beginOidcLogin(
  deps: Pick<OidcLoginDependencies, 'store' | 'masterKeys' | 'now' | 'throttle' | 'bounds'>,
  { organization, issuer: name, redirectUrl, clientAddress }: OidcLoginRequest,
): Promise<Outcome<BegunOidcLogin> | Limited> {
  return deps.store.withSystem(async (em) => {
    const retryAfterMs = await deps.throttle.leaves(em, clientAddress);
    if (retryAfterMs > 0) return { kind: 'limited', retryAfterMs };
    const issuer = await findLoginIssuer(em, organization, name);
    // One that was never reached can't log anybody in either.
    if (issuer === null || issuer.metadata?.authorization_endpoint === undefined) {
      return refused(notFound('issuer', 'issuer to log in through'));
    }
    if (!issuer.redirectUrls.includes(redirectUrl)) {
      const text = 'The organization’s administrators have not allowed this URL.';
      return refused(violation('redirectUrl', 'NOT_ALLOWED', text));
    }
    const proof = { state: newSecretText(), loginToken: newSecretText() };
    const pending: PendingLogin = {
      organizationId: issuer.organizationId,
      issuerId: issuer.id,
      verifier: generateRandomCodeVerifier(),
      nonce: generateRandomNonce(),
      redirectUrl,
    };
    await savePendingLogin(em, deps.masterKeys, proof, pending, {
      nowMs: deps.now(),
      pendingMax: deps.bounds.issuerLoginsAwayMax,
    });
    return done({
      ...proof,
      authorizationUrl: await authorizationUrl(issuer, pending, proof.state),
    });
  });
}

export interface OidcLoginCompletion extends AuthorizationResponse, LoginProof, SessionOrigin {}

export type OidcLoginFailure =
  | ExchangeFailure
  | AdmissionFailure
  | 'issuer_disabled'
  | 'redirect_not_allowed';

export type OidcLoginResult =
  | ({ readonly kind: 'loggedIn' } & LoggedIn)
  | { readonly kind: 'failed' }
  | { readonly kind: 'limited'; readonly retryAfterMs: number };

function secretOf(issuer: Issuer, masterKeys: MasterKeyRing): string | undefined {
  const {
    clientSecretCiphertext: ciphertext,
    clientSecretWrappedKey: wrappedKey,
    clientSecretMasterKeyId: masterKeyId,
  } = issuer;
  if (ciphertext === null || wrappedKey === null || masterKeyId === null) return undefined;
  const context = issuerSecretContext({
    organizationId: issuer.organizationId,
    issuerId: issuer.id,
  });
  return openSecret(masterKeys, context, {
    ciphertext: Buffer.from(ciphertext),
    wrappedKey: Buffer.from(wrappedKey),
    masterKeyId,
  }).reveal();
}

/** Thrown inside a transaction, so that nothing of a log-in that fails is kept. */
class NotAdmitted extends Error {
  readonly failure: AdmissionFailure;
  readonly user: User | null;

  constructor(failure: AdmissionFailure, user: User | null) {
    super(failure);
    this.failure = failure;
    this.user = user;
  }
}

async function recordFailure(
  { store }: OidcLoginDependencies,
  { organizationId, issuerId }: PendingLogin,
  failure: OidcLoginFailure,
  user: User | null,
  { clientAddress, userAgent }: SessionOrigin,
  subject: string | undefined,
): Promise<OidcLoginResult> {
  await store.withSystem((em) =>
    recordAudit(em, {
      organizationId,
      actor: {
        kind: 'user',
        id: user?.id ?? 'unknown',
        ...(user && { label: user.email }),
        clientAddress,
      },
      action: 'user.login_failed',
      target: { type: 'user', id: user?.id ?? 'unknown' },
      details: { method: 'oidc', issuerId, reason: failure },
      privateDetails: { userAgent, ...(subject !== undefined && { subject }) },
    }),
  );
  return { kind: 'failed' };
}

/** Opens the session, which is good in the issuer's organization alone. */
async function admit(
  deps: OidcLoginDependencies,
  issuer: Issuer,
  claims: IDToken,
  origin: SessionOrigin,
): Promise<LoggedIn> {
  const { organizationId, id: issuerId } = issuer;
  return deps.store.withSystem(async (em) => {
    const admission = await admitPerson(em, issuer, claims, new Date(deps.now()));
    if (!admission.ok) throw new NotAdmitted(admission.failure, admission.user);
    const { user, resources, audited } = admission;
    await em.flush();
    const opened = await openSession(deps, em, {
      ...origin,
      userId: user.id,
      organizationId,
      issuerId,
    });
    const { clientAddress, userAgent } = origin;
    const actor: Actor = { kind: 'user', id: user.id, label: user.email, clientAddress };
    if (admission.isNew) {
      // The account is the platform's, whoever vouched for it: its trail tells of it too.
      await commitChange(em, {
        organizationId: null,
        actor,
        action: 'user.create',
        target: { type: 'user', id: user.id, label: user.email },
        ...auditedChange(null, auditedUser(user), { organizationId, issuerId }),
        resources: [{ kind: 'user', id: user.id }],
      });
    }
    const event = {
      organizationId,
      actor,
      action: 'user.login',
      target: { type: 'user', id: user.id },
      details: { ...audited.details, method: 'oidc', issuerId },
      privateDetails: { ...audited.privateDetails, userAgent, subject: claims.sub },
    };
    await recordLogin(em, event, opened, resources);
    return { user, access: opened.access, refresh: opened.refresh };
  });
}

/** A first log-in that ran into another one of the same person finds what that one made. */
async function admitOnce(...args: Parameters<typeof admit>): Promise<LoggedIn> {
  try {
    return await admit(...args);
  } catch (error) {
    if (!(error instanceof UniqueConstraintViolationException)) throw error;
    return admit(...args);
  }
}

/** An issuer is asked at most so often because of keys that are not known. */
const unknownKeyCooldownMs = 30_000;

/** Reads an issuer again after asking it for its keys; null: it has been asked just now. */
async function withNewKeys(deps: OidcLoginDependencies, issuer: Issuer): Promise<Issuer | null> {
  const { organizationId, id: issuerId } = issuer;
  const of = { organizationId, id: issuerId };
  const claimed = await claimIssuer(deps.store, of, unknownKeyCooldownMs);
  if (claimed === undefined) return null;
  await refreshIssuer(claimed, deps.refresh);
  return deps.store.withSystem((em) => findLoginIssuerById(em, { organizationId, issuerId }));
}

/**
 * Ends a log-in that comes back from the issuer: opens a session for whom the issuer vouches. Why it fails is
 * in the organization's audit trail, and nowhere else.
 */
export async function completeOidcLogin(
  deps: OidcLoginDependencies,
  completion: OidcLoginCompletion,
): Promise<OidcLoginResult> {
  const { store, masterKeys, throttle } = deps;
  const origin = storableOrigin(completion);
  const begun = await store.withSystem(async (em) => {
    const retryAfterMs = await throttle.tokensBlockedForMs(em, origin.clientAddress);
    if (retryAfterMs > 0) return { kind: 'limited' as const, retryAfterMs };
    const pending = await takePendingLogin(em, masterKeys, completion, deps.now());
    if (pending === undefined) {
      await throttle.tokenFailed(em, origin.clientAddress);
      await recordAudit(em, {
        organizationId: null,
        actor: { kind: 'user', id: 'unknown', clientAddress: origin.clientAddress },
        action: 'user.login_failed',
        target: { type: 'user', id: 'unknown' },
        details: { method: 'oidc', reason: 'state_unknown' },
        privateDetails: { userAgent: origin.userAgent },
      });
      return { kind: 'failed' as const };
    }
    await throttle.returns(em, origin.clientAddress);
    return { kind: 'pending' as const, pending, issuer: await findLoginIssuerById(em, pending) };
  });
  if (begun.kind !== 'pending') return begun;
  const { pending, issuer } = begun;
  const fail = async (failure: OidcLoginFailure, user: User | null = null, subject?: string) => {
    await store.withSystem((em) => throttle.tokenFailed(em, origin.clientAddress));
    return recordFailure(deps, pending, failure, user, origin, subject);
  };
  if (issuer === null) return fail('issuer_disabled');
  if (!issuer.redirectUrls.includes(pending.redirectUrl)) return fail('redirect_not_allowed');
  const exchanged = await exchangeCode(
    { guarded: deps.refresh.guarded, now: deps.now },
    issuer,
    secretOf(issuer, masterKeys),
    pending,
    completion,
    () => withNewKeys(deps, issuer),
  );
  if (!exchanged.ok) return fail(exchanged.failure);
  try {
    return { kind: 'loggedIn', ...(await admitOnce(deps, issuer, exchanged.claims, origin)) };
  } catch (error) {
    if (!(error instanceof NotAdmitted)) throw error;
    const { failure } = error;
    const { sub } = exchanged.claims;
    // Whom the issuer gives no role any more has none here either.
    const user =
      failure === 'role_missing'
        ? await store.withSystem((em) => withdrawMember(em, issuer, sub, deps.now()))
        : error.user;
    return fail(failure, user, sub.slice(0, 255));
  }
}
