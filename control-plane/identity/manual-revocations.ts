import type { EntityManager } from '@mikro-orm/postgresql';
import { accessTokenBounds } from '../../common/access-token-bounds.ts';
import { auditedChange, auditedFields } from '../audit/field-changes.ts';
import { findPage, type Keyset } from '../input/find-page.ts';
import type { Page, PageRequest } from '../input/page.ts';
import { isUuid, validateName } from '../input/text-rules.ts';
import {
  done,
  notFound,
  type Outcome,
  refused,
  type Violation,
  violation,
} from '../input/violation.ts';
import { commitChange } from '../store/commit-change.ts';
import { Revocation } from '../store/entities/revocation.ts';
import type { Store } from '../store/store.ts';
import { uuidV7 } from '../store/uuid-v7.ts';
import type { Actor } from './actor.ts';

const { lifetimeMsMax, clockSkewMsMax } = accessTokenBounds;

const bounds = {
  /** Revocations of one organization that stand at a time, automatic ones included. */
  revocationsMax: 50_000,
  tokenIdLengthMax: 400,
  reasonLengthMax: 200,
} as const;

/** Order of the connection. */
export const latestRevocationFirst: Keyset = {
  keys: [
    { property: 'createdAt', kind: 'time' },
    { property: 'id', kind: 'uuid' },
  ],
  descending: true,
};

/** Revocations of an organization that have not been pruned, automatic ones included. */
export function listRevocations(
  store: Store,
  organizationId: string,
  page: PageRequest,
): Promise<Page<Revocation>> {
  return store.withOrganization(organizationId, (em) =>
    findPage(em, Revocation, { organizationId }, latestRevocationFirst, page),
  );
}

const issuedSubject = /^issuer:([^:]+):[\x20-\x7e]{1,255}$/;

/** Subjects that have tokens: people of the gateway, and whom an issuer of the organization names. */
async function unknownSubject(em: EntityManager, subject: string): Promise<Violation[]> {
  if (subject.startsWith('user:') && isUuid(subject.slice('user:'.length))) return [];
  const issuerId = issuedSubject.exec(subject)?.[1];
  if (issuerId === undefined) {
    const text = 'A subject is user:{user id} or issuer:{issuer id}:{sub}.';
    return [violation('subject', 'INVALID_FORMAT', text)];
  }
  if (!isUuid(issuerId)) return [notFound('subject', 'issuer')];
  const found = await em.execute('select 1 from issuers where id = ?', [issuerId]);
  return found.length > 0 ? [] : [notFound('subject', 'issuer')];
}

type Covered = Pick<Revocation, 'subject' | 'issuedBefore' | 'tokenId' | 'expiresAt' | 'reason'>;

async function databaseNowMs(em: EntityManager): Promise<number> {
  const [row] = await em.execute<{ nowMs: string }[]>(
    `select floor(extract(epoch from clock_timestamp()) * 1000) as "nowMs"`,
  );
  if (row === undefined) throw new Error('The database has no clock.');
  return Number(row.nowMs);
}

async function write(
  em: EntityManager,
  actor: Actor,
  organizationId: string,
  covered: Covered,
): Promise<Outcome<Revocation>> {
  if ((await em.count(Revocation, { organizationId })) >= bounds.revocationsMax) {
    const text = `At most ${bounds.revocationsMax} revocations stand at a time.`;
    return refused(violation('organizationId', 'TOO_MANY', text));
  }
  const id = uuidV7();
  const fields = { organizationId, id, changeId: id, sessionId: null, ...covered };
  const revocation = em.create(Revocation, fields);
  const names = ['subject', 'issuedBefore', 'tokenId', 'reason', 'expiresAt'] as const;
  await commitChange(em, {
    organizationId,
    actor,
    action: covered.subject === null ? 'token.revoke' : 'subject.revoke',
    target: { type: 'revocation', id },
    ...auditedChange(null, auditedFields(revocation, names)),
    resources: [{ kind: 'revocation', id }],
  });
  return done(revocation);
}

export interface SubjectRevocation {
  readonly organizationId: string;
  readonly subject: string;
  readonly reason: string;
}

/**
 * Ends every access token that a subject was issued for the organization's servers until now. The clock of
 * an organization's issuer may be ahead: of its tokens, those of the next minutes end too.
 */
export async function revokeSubject(
  store: Store,
  actor: Actor,
  { organizationId, subject, reason }: SubjectRevocation,
): Promise<Outcome<Revocation>> {
  const violations = validateName('reason', reason, bounds.reasonLengthMax);
  return store.withOrganization(organizationId, async (em) => {
    violations.push(...(await unknownSubject(em, subject)));
    if (violations.length > 0) return { ok: false, violations };
    const nowMs = await databaseNowMs(em);
    const aheadMs = subject.startsWith('issuer:') ? clockSkewMsMax : 0;
    return write(em, actor, organizationId, {
      subject,
      issuedBefore: new Date(nowMs + aheadMs),
      tokenId: null,
      reason,
      expiresAt: new Date(nowMs + aheadMs + lifetimeMsMax + clockSkewMsMax),
    });
  });
}

export interface TokenRevocation {
  readonly organizationId: string;
  readonly tokenId: string;
  readonly expiresAt?: Date | null | undefined;
  readonly reason: string;
}

function validateTokenId(tokenId: string): Violation[] {
  const isPlain = /^[\x20-\x7e]+$/.test(tokenId) && tokenId.length <= bounds.tokenIdLengthMax;
  if (isPlain) return [];
  const text = `A token’s id (jti) has 1 to ${bounds.tokenIdLengthMax} printable ASCII characters.`;
  return [violation('tokenId', 'INVALID_FORMAT', text)];
}

/** Ends one access token by its `jti`, whichever of the organization's issuers gave it. */
export async function revokeToken(
  store: Store,
  actor: Actor,
  { organizationId, tokenId, expiresAt, reason }: TokenRevocation,
): Promise<Outcome<Revocation>> {
  const violations = [
    ...validateTokenId(tokenId),
    ...validateName('reason', reason, bounds.reasonLengthMax),
  ];
  return store.withOrganization(organizationId, async (em) => {
    const nowMs = await databaseNowMs(em);
    const endsMs = expiresAt?.getTime() ?? nowMs + lifetimeMsMax;
    if (endsMs <= nowMs || endsMs > nowMs + lifetimeMsMax + clockSkewMsMax) {
      const text = 'A token that counts expires within 24 hours.';
      violations.push(violation('expiresAt', 'OUT_OF_RANGE', text));
    }
    if (violations.length > 0) return { ok: false, violations };
    return write(em, actor, organizationId, {
      subject: null,
      issuedBefore: null,
      tokenId,
      reason,
      expiresAt: new Date(endsMs + clockSkewMsMax),
    });
  });
}
