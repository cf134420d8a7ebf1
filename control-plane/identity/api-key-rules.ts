import type { EntityManager } from '@mikro-orm/postgresql';
import { parseScope, scopeLengthMax } from '../../common/scope.ts';
import { isUuid } from '../input/text-rules.ts';
import {
  done,
  notFound,
  type Outcome,
  refused,
  type Violation,
  violation,
} from '../input/violation.ts';
import type { ApiKey } from '../store/entities/api-key.ts';
import { McpServer } from '../store/entities/mcp-server.ts';
import { Membership } from '../store/entities/membership.ts';
import { ServiceAccount } from '../store/entities/service-account.ts';
import { type Granter, grantViolations, readRole } from './granted-role.ts';

export const apiKeyBounds = {
  scopesMax: 64,
  keysMax: 10_000,
  overlapSecondsMax: 30 * 24 * 60 * 60,
} as const;

/** What a key may be used for unless its creator says otherwise: every server, and no administration. */
export const defaultScopes: readonly string[] = ['mcp:*'];

/** What is wrong with a list of scopes, as far as the list alone tells. */
export function validateScopes(scopes: readonly string[]): Violation[] {
  const { scopesMax } = apiKeyBounds;
  if (scopes.length === 0) {
    return [violation('scopes', 'REQUIRED', 'A key without scopes could do nothing: name one.')];
  }
  if (scopes.length > scopesMax) {
    return [violation('scopes', 'TOO_MANY', `At most ${scopesMax} scopes.`)];
  }
  return scopes.flatMap((scope, index) => {
    const path = `scopes.${index}`;
    if (scope.length > scopeLengthMax) {
      return [violation(path, 'TOO_LONG', `A scope has at most ${scopeLengthMax} characters.`)];
    }
    if (parseScope(scope) === undefined) {
      const text =
        'A scope is mcp:*, mcp:{server}, mcp:{server}:{tool}, admin or admin:read; what a URL would escape in a tool’s name is percent-encoded.';
      return [violation(path, 'INVALID_FORMAT', text)];
    }
    if (scopes.indexOf(scope) === index) return [];
    return [violation(path, 'DUPLICATE', 'The scope stands in the list already.')];
  });
}

export function validateExpiry(expiresAt: Date | null | undefined, nowMs: number): Violation[] {
  if (expiresAt === null || expiresAt === undefined || expiresAt.getTime() > nowMs) return [];
  return [violation('expiresAt', 'OUT_OF_RANGE', 'This time is past.')];
}

/** Whom a key acts for: exactly one is set. */
export type KeySubject = Pick<ApiKey, 'subjectUserId' | 'serviceAccountId'>;

/** What is wrong with scopes for this subject; those that the key has already were looked at before. */
export async function scopeViolations(
  em: EntityManager,
  organizationId: string,
  subject: KeySubject,
  scopes: readonly string[],
  before: readonly string[] = [],
): Promise<Violation[]> {
  const added = scopes.flatMap((text, index) => {
    const scope = before.includes(text) ? undefined : parseScope(text);
    return scope === undefined ? [] : [{ scope, path: `scopes.${index}` }];
  });
  const slugs = added.flatMap(({ scope }) =>
    scope.kind === 'call' && scope.server !== undefined ? [scope.server] : [],
  );
  const servers = await em.find(McpServer, { organizationId, slug: { $in: slugs } });
  const known = new Set(servers.map(({ slug }) => slug));
  return added.flatMap(({ scope, path }) => {
    if (scope.kind === 'admin') {
      if (subject.serviceAccountId !== null) return [];
      const text = 'People administer by logging in: a key with this scope is a service account’s.';
      return [violation(path, 'NOT_ALLOWED', text)];
    }
    if (scope.server === undefined || known.has(scope.server)) return [];
    return [notFound(path, 'server')];
  });
}

/** Whether a caller may make, change or replace keys of a subject: nobody acts for who may more. */
export async function subjectViolations(
  em: EntityManager,
  granter: Granter,
  organizationId: string,
  { subjectUserId, serviceAccountId }: KeySubject,
): Promise<Violation[]> {
  if (subjectUserId !== null) {
    const isOwn = granter.actor.kind === 'user' && granter.actor.id === subjectUserId;
    if (isOwn) return [];
    if (!granter.permissions.has('members.write')) {
      const text = 'Keys of other people need the permission to manage members.';
      return [violation('userId', 'NOT_ALLOWED', text)];
    }
    const membership = await em.findOne(Membership, { organizationId, userId: subjectUserId });
    if (membership === null) return [notFound('userId', 'member')];
    return grantViolations(granter, 'userId', await readRole(em, organizationId, membership));
  }
  const account = await em.findOne(ServiceAccount, { organizationId, id: serviceAccountId ?? '' });
  if (account === null) return [notFound('serviceAccountId', 'service account')];
  const role = await readRole(em, organizationId, account);
  return grantViolations(granter, 'serviceAccountId', role);
}

/** Whom an input says that a key is to act for. */
export interface SubjectChoice {
  readonly userId?: string | null | undefined;
  readonly serviceAccountId?: string | null | undefined;
}

/** The subject that an input names, by its form. */
export function chosenSubject({ userId, serviceAccountId }: SubjectChoice): Outcome<KeySubject> {
  if (userId && serviceAccountId) {
    const text = 'A key acts for a member or for a service account.';
    return refused(violation('serviceAccountId', 'NOT_ALLOWED', text));
  }
  if (userId) {
    if (!isUuid(userId)) return refused(notFound('userId', 'member'));
    return done({ subjectUserId: userId.toLowerCase(), serviceAccountId: null });
  }
  if (!serviceAccountId) {
    const text = 'Name the service account, or the member, that the key is to act for.';
    return refused(violation('serviceAccountId', 'REQUIRED', text));
  }
  if (!isUuid(serviceAccountId)) {
    return refused(notFound('serviceAccountId', 'service account'));
  }
  return done({ subjectUserId: null, serviceAccountId: serviceAccountId.toLowerCase() });
}
