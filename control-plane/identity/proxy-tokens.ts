import { LockMode } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { routeBase, routeUrl } from '../../common/route-url.ts';
import { serverScope, toolScope } from '../../common/scope.ts';
import { auditedChange } from '../audit/field-changes.ts';
import { isStorableText, isUuid } from '../input/text-rules.ts';
import { done, notFound, type Outcome, refused, violation } from '../input/violation.ts';
import { recordAudit } from '../store/commit-change.ts';
import { McpServer } from '../store/entities/mcp-server.ts';
import { Membership } from '../store/entities/membership.ts';
import { Organization } from '../store/entities/organization.ts';
import { Session } from '../store/entities/session.ts';
import { User } from '../store/entities/user.ts';
import type { Store } from '../store/store.ts';
import { type IssuedToken, type SigningKeyRing, signToken } from './access-token.ts';
import { type GrantedRole, readRole } from './granted-role.ts';
import type { Person } from './principal.ts';
import type { SessionBounds } from './sessions.ts';

export interface ProxyTokenDependencies {
  readonly store: Store;
  readonly keys: SigningKeyRing;
  /** `iss` claim. */
  readonly issuer: string;
  /** Base of the URLs under which clients know the nodes; undefined: no token can be meant for one. */
  readonly publicUrl: URL | undefined;
  readonly bounds: SessionBounds & { readonly accessTokenLifetimeMs: number };
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
}

export interface ProxyTokenRequest {
  readonly organizationId: string;
  readonly serverId: string;
  /** One tool; left out: the whole server. */
  readonly tool?: string | null | undefined;
}

/** An access token for one route of the proxy. */
export interface ProxyToken extends IssuedToken {
  /** The URL that it is good for, its audience. */
  readonly url: string;
  readonly scope: string;
}

const lifetimeMsMax = 15 * 60 * 1000;
const toolLengthMax = 200;

interface Granted {
  readonly session: Session;
  readonly role: GrantedRole;
}

/**
 * Locks what the token rests on, so that whoever ends it meanwhile waits, and then finds that the token was
 * given. Undefined: it does not stand any more.
 */
async function lockGrounds(
  em: EntityManager,
  person: Person,
  organizationId: string,
): Promise<Granted | undefined> {
  const lock = { lockMode: LockMode.PESSIMISTIC_READ } as const;
  const userId = person.user.id;
  const user = await em.findOne(User, { id: userId, disabledAt: null }, lock);
  const membership = await em.findOne(Membership, { organizationId, userId }, lock);
  const session = await em.findOne(Session, { id: person.sessionId, userId, endedAt: null }, lock);
  if (user === null || membership === null || session === null) return undefined;
  // As `loadPerson` has it: who came through an issuer is a member where an issuer vouched.
  if (membership.issuerId && session.organizationId !== organizationId) return undefined;
  return { session, role: await readRole(em, organizationId, membership) };
}

/**
 * The earlier of this replica's clock and the database's: what ends the token says when by the database's,
 * and a token that says a later time would pass for one that was issued after.
 */
async function issuedAt(em: EntityManager, nowMs: number): Promise<number> {
  const [row] = await em.execute<{ now_ms: string }[]>(
    'select floor(extract(epoch from clock_timestamp()) * 1000)::text as now_ms',
  );
  return Math.min(nowMs, Number(row?.now_ms ?? nowMs));
}

async function noteToken(
  em: EntityManager,
  session: Session,
  organizationId: string,
  expiresAtMs: number,
): Promise<void> {
  await em.execute(
    `insert into session_proxy_tokens as t (session_id, user_id, organization_id, expires_at)
     values (?, ?, ?, ?)
     on conflict (session_id, organization_id)
       do update set expires_at = greatest(t.expires_at, excluded.expires_at)`,
    [session.id, session.userId, organizationId, new Date(expiresAtMs)],
  );
}

function validTool(tool: string | null | undefined): boolean {
  if (tool === null || tool === undefined) return true;
  return tool.length > 0 && tool.length <= toolLengthMax && isStorableText(tool);
}

/**
 * Gives a member an access token for one server of an organization, or one of its tools. It ends with the
 * session, with the membership and when the role changes, and lasts a quarter of an hour at most.
 */
export async function issueProxyToken(
  deps: ProxyTokenDependencies,
  person: Person,
  request: ProxyTokenRequest,
): Promise<Outcome<ProxyToken>> {
  const { publicUrl, bounds } = deps;
  const { serverId, tool } = request;
  const organizationId = request.organizationId.toLowerCase();
  if (publicUrl === undefined) {
    const text = 'The operator has to set MCPGW_PUBLIC_URL: a token names the URL that it is for.';
    return refused(violation('', 'NOT_CONFIGURED', text));
  }
  if (!validTool(tool)) {
    return refused(violation('tool', 'INVALID_FORMAT', 'This is no name of a tool.'));
  }
  if (!isUuid(serverId)) return refused(notFound('serverId', 'server'));
  return deps.store.withSystem(async (em) => {
    const grounds = await lockGrounds(em, person, organizationId);
    if (!grounds?.role.permissions.has('servers.call')) {
      return refused(notFound('organizationId', 'organization'));
    }
    const organization = await em.findOne(Organization, { id: organizationId });
    const server = await em.findOne(McpServer, { organizationId, id: serverId });
    if (organization === null || server === null) return refused(notFound('serverId', 'server'));
    const { session, role } = grounds;
    const issuedAtMs = await issuedAt(em, deps.now());
    const expiresAtMs = Math.min(
      issuedAtMs + Math.min(bounds.accessTokenLifetimeMs, lifetimeMsMax),
      session.expiresAt.getTime(),
      session.lastUsedAt.getTime() + bounds.sessionIdleTimeoutMs,
    );
    const url = routeUrl(routeBase(publicUrl), organization.slug, server.slug);
    const scope = tool ? toolScope(server.slug, tool) : serverScope(server.slug);
    const issued = await signToken(deps.keys, {
      ...{ issuer: deps.issuer, audience: url, issuedAtMs, expiresAtMs },
      subject: `user:${session.userId}`,
      claims: { sid: session.id, org: organizationId, roles: [role.name], scope },
    });
    await noteToken(em, session, organizationId, issued.expiresAtMs);
    await recordAudit(em, {
      organizationId,
      actor: person.actor,
      action: 'proxy_token.issue',
      target: { type: 'server', id: server.id, label: server.slug },
      ...auditedChange(
        null,
        { scope, expiresAt: new Date(issued.expiresAtMs) },
        { tokenId: issued.tokenId },
      ),
    });
    return done({ ...issued, url, scope });
  });
}
