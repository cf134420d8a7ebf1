import type { EntityManager } from '@mikro-orm/postgresql';
import {
  type AuditedFields,
  auditedChange,
  auditedFields,
  secretReplaced,
} from '../../audit/field-changes.ts';
import { findPage, oldestFirst } from '../../input/find-page.ts';
import { lockVersion } from '../../input/lock-version.ts';
import type { Page, PageRequest } from '../../input/page.ts';
import { isUuid } from '../../input/text-rules.ts';
import { orTaken } from '../../input/unique-violation.ts';
import { done, notFound, type Outcome, refused, violation } from '../../input/violation.ts';
import type { ChangedResource } from '../../store/changed-resource.ts';
import { commitChange, recordAudit } from '../../store/commit-change.ts';
import { Issuer, type RoleMapping, type ScopeMode } from '../../store/entities/issuer.ts';
import { Membership } from '../../store/entities/membership.ts';
import { UserIdentity } from '../../store/entities/user-identity.ts';
import { issuerSecretContext, sealSecret } from '../../store/envelope.ts';
import type { MasterKeyRing } from '../../store/master-key-ring.ts';
import { Secret } from '../../store/secret.ts';
import type { Store } from '../../store/store.ts';
import { uuidV7 } from '../../store/uuid-v7.ts';
import type { Granter } from '../granted-role.ts';
import { endSessions } from '../sessions.ts';
import {
  type IssuerFields,
  issuerBounds,
  validateClientSecret,
  validateIssuer,
} from './issuer-validation.ts';
import { mappedRoleViolations } from './mapped-roles.ts';
import { claimIssuer, type IssuerRefreshDependencies, refreshIssuer } from './refresh-issuer.ts';

export interface IssuerDependencies {
  readonly store: Store;
  readonly masterKeys: MasterKeyRing;
  readonly refresh: IssuerRefreshDependencies;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
}

export function listIssuers(
  store: Store,
  organizationId: string,
  page: PageRequest,
): Promise<Page<Issuer>> {
  return store.withOrganization(organizationId, (em) =>
    findPage(em, Issuer, { organizationId }, oldestFirst, page),
  );
}

export async function findIssuer(
  store: Store,
  organizationId: string,
  id: string,
): Promise<Issuer | null> {
  if (!isUuid(id)) return null;
  return store.withOrganization(organizationId, (em) => em.findOne(Issuer, { organizationId, id }));
}

const taken = {
  issuers_organization_id_name_key: 'name',
  issuers_organization_id_issuer_url_key: 'issuerUrl',
};

const auditedNames = [
  'name',
  'issuerUrl',
  'enabled',
  'algorithms',
  'proxyEnabled',
  'scopeMode',
  'loginEnabled',
  'clientId',
  'redirectUrls',
  'loginScopes',
  'roleClaim',
  'defaultRole',
] as const;

/** An issuer as its audit entries know it. @param rewritten true: its secret was written again. */
function audited(issuer: Issuer, rewritten = false): AuditedFields {
  const hasSecret = issuer.clientSecretCiphertext !== null;
  return {
    ...auditedFields(issuer, auditedNames),
    roleMappings: issuer.roleMappings.map(({ value, role }) => ({ value, role })),
    clientSecret: hasSecret && rewritten ? secretReplaced : hasSecret,
  };
}

function rowFields(fields: IssuerFields) {
  return {
    ...fields,
    algorithms: [...fields.algorithms],
    redirectUrls: [...fields.redirectUrls],
    loginScopes: [...fields.loginScopes],
    roleClaim: [...fields.roleClaim],
  };
}

/** A client secret's columns; null: none. */
function sealedSecret(
  masterKeys: MasterKeyRing,
  of: { readonly organizationId: string; readonly issuerId: string },
  secret: string | null,
) {
  if (secret === null) {
    return {
      clientSecretCiphertext: null,
      clientSecretWrappedKey: null,
      clientSecretMasterKeyId: null,
    };
  }
  const sealed = sealSecret(masterKeys, issuerSecretContext(of), new Secret(secret));
  return {
    clientSecretCiphertext: sealed.ciphertext,
    clientSecretWrappedKey: sealed.wrappedKey,
    clientSecretMasterKeyId: sealed.masterKeyId,
  };
}

/** An issuer as it is after a change, and the change's revision. */
export interface SavedIssuer {
  readonly issuer: Issuer;
  readonly revision: number;
}

export interface NewIssuer extends IssuerFields {
  readonly organizationId: string;
  readonly clientSecret?: string | null | undefined;
}

const nothingFetched = {
  jwks: null,
  jwksUrl: null,
  jwksEtag: null,
  jwksLastModified: null,
  metadata: null,
  fetchedAt: null,
  fetchFailedAt: null,
  fetchError: null,
  fetchFailures: 0,
};

/** Makes an organization trust an issuer. The worker asks it for its keys within seconds. */
export async function createIssuer(
  deps: IssuerDependencies,
  granter: Granter,
  input: NewIssuer,
): Promise<Outcome<SavedIssuer>> {
  const { organizationId, clientSecret = null, ...fields } = input;
  const violations = [
    ...validateIssuer(fields, deps.refresh.rules),
    ...(clientSecret === null ? [] : validateClientSecret(clientSecret)),
  ];
  if (violations.length > 0) return { ok: false, violations };
  return orTaken(taken, () =>
    deps.store.withOrganization(organizationId, async (em) => {
      if ((await em.count(Issuer, { organizationId })) >= issuerBounds.issuersMax) {
        const text = `An organization has at most ${issuerBounds.issuersMax} issuers.`;
        return refused(violation('organizationId', 'TOO_MANY', text));
      }
      const mapped = await mappedRoleViolations(em, organizationId, granter, fields);
      if (mapped.length > 0) return { ok: false, violations: mapped };
      const id = uuidV7();
      const issuer = em.create(Issuer, {
        ...rowFields(fields),
        ...sealedSecret(deps.masterKeys, { organizationId, issuerId: id }, clientSecret),
        ...nothingFetched,
        organizationId,
        id,
        nextFetchAt: new Date(deps.now()),
      });
      const { revision } = await commitChange(em, {
        organizationId,
        actor: granter.actor,
        action: 'issuer.create',
        target: { type: 'issuer', id, label: issuer.name },
        ...auditedChange(null, audited(issuer, true)),
        resources: [{ kind: 'issuer', id }],
      });
      return done({ issuer, revision });
    }),
  );
}

export interface IssuerVersion {
  readonly organizationId: string;
  readonly id: string;
  readonly version: number;
}

/** What is undefined stays; null clears what can be null, and stays otherwise. */
export interface IssuerChanges extends IssuerVersion {
  readonly name?: string | null | undefined;
  readonly issuerUrl?: string | null | undefined;
  readonly enabled?: boolean | null | undefined;
  readonly algorithms?: readonly string[] | null | undefined;
  readonly proxyEnabled?: boolean | null | undefined;
  readonly scopeMode?: ScopeMode | null | undefined;
  readonly loginEnabled?: boolean | null | undefined;
  readonly clientId?: string | null | undefined;
  readonly clientSecret?: string | null | undefined;
  readonly redirectUrls?: readonly string[] | null | undefined;
  readonly loginScopes?: readonly string[] | null | undefined;
  readonly roleClaim?: readonly string[] | null | undefined;
  readonly roleMappings?: readonly RoleMapping[] | null | undefined;
  readonly defaultRole?: string | null | undefined;
}

function merged(before: Issuer, input: IssuerChanges): IssuerFields {
  return {
    name: input.name ?? before.name,
    issuerUrl: input.issuerUrl ?? before.issuerUrl,
    enabled: input.enabled ?? before.enabled,
    algorithms: input.algorithms ?? before.algorithms,
    proxyEnabled: input.proxyEnabled ?? before.proxyEnabled,
    scopeMode: input.scopeMode ?? before.scopeMode,
    loginEnabled: input.loginEnabled ?? before.loginEnabled,
    clientId: input.clientId === undefined ? before.clientId : input.clientId,
    redirectUrls: input.redirectUrls ?? before.redirectUrls,
    loginScopes: input.loginScopes ?? before.loginScopes,
    roleClaim: input.roleClaim ?? before.roleClaim,
    roleMappings: input.roleMappings ?? before.roleMappings,
    defaultRole: input.defaultRole === undefined ? before.defaultRole : input.defaultRole,
  };
}

function lockIssuer(em: EntityManager, input: IssuerVersion): Promise<Outcome<Issuer>> {
  return lockVersion(em, Issuer, input, 'issuer');
}

/** Sessions that an issuer vouched for and vouches for no more; as many as one change can hold. */
function endLogins(
  deps: IssuerDependencies,
  em: EntityManager,
  { organizationId, id: issuerId }: Pick<Issuer, 'organizationId' | 'id'>,
): Promise<ChangedResource[]> {
  return endSessions(em, { organizationId, issuerId }, 'issuer_ended', deps.now());
}

function sessionsIn(ended: readonly ChangedResource[]): number {
  return ended.filter(({ kind }) => kind === 'session').length;
}

/** Ends the sessions that were too many for the change itself. Each round ends some, so that it comes to an end. */
async function endFurtherLogins(
  deps: IssuerDependencies,
  actor: Granter['actor'],
  issuer: Pick<Issuer, 'organizationId' | 'id' | 'name'>,
  ended: readonly ChangedResource[],
): Promise<void> {
  const { organizationId, id, name } = issuer;
  for (let last = ended; last.length > 0; ) {
    last = await deps.store.withOrganization(organizationId, async (em) => {
      const resources = await endLogins(deps, em, issuer);
      if (resources.length === 0) return resources;
      await commitChange(em, {
        organizationId,
        actor,
        action: 'issuer.sessions_end',
        target: { type: 'issuer', id, label: name },
        details: { sessionsEnded: sessionsIn(resources) },
        resources,
      });
      return resources;
    });
  }
}

/** True when people who came through the issuer as it was must not stay as they are. */
function endsLogins(before: Issuer, after: IssuerFields): boolean {
  return !after.enabled || !after.loginEnabled || after.issuerUrl !== before.issuerUrl;
}

/** Changes an issuer. Another URL is another issuer: its keys and whom its subjects are is forgotten. */
export async function updateIssuer(
  deps: IssuerDependencies,
  granter: Granter,
  input: IssuerChanges,
): Promise<Outcome<SavedIssuer>> {
  const { organizationId, id, clientSecret } = input;
  const secretViolations =
    typeof clientSecret === 'string' ? validateClientSecret(clientSecret) : [];
  if (secretViolations.length > 0) return { ok: false, violations: secretViolations };
  let ended: readonly ChangedResource[] = [];
  const outcome = await orTaken(taken, () =>
    deps.store.withOrganization(organizationId, async (em) => {
      const locked = await lockIssuer(em, input);
      if (!locked.ok) return locked;
      const issuer = locked.value;
      const fields = merged(issuer, input);
      const violations = [
        ...validateIssuer(fields, deps.refresh.rules),
        ...(await mappedRoleViolations(em, organizationId, granter, fields)),
      ];
      if (violations.length > 0) return { ok: false, violations };
      const before = audited(issuer);
      ended = endsLogins(issuer, fields) ? await endLogins(deps, em, issuer) : [];
      if (fields.issuerUrl !== issuer.issuerUrl) {
        await em.nativeDelete(UserIdentity, { organizationId, issuerId: id });
        em.assign(issuer, nothingFetched);
      }
      em.assign(issuer, {
        ...rowFields(fields),
        ...(clientSecret !== undefined &&
          sealedSecret(deps.masterKeys, { organizationId, issuerId: id }, clientSecret)),
        nextFetchAt: new Date(deps.now()),
        updatedAt: new Date(deps.now()),
      });
      const { revision } = await commitChange(em, {
        organizationId,
        actor: granter.actor,
        action: 'issuer.update',
        target: { type: 'issuer', id, label: issuer.name },
        ...auditedChange(before, audited(issuer, clientSecret !== undefined), {
          sessionsEnded: sessionsIn(ended),
        }),
        resources: [{ kind: 'issuer', id }, ...ended],
      });
      return done({ issuer, revision });
    }),
  );
  if (outcome.ok) await endFurtherLogins(deps, granter.actor, outcome.value.issuer, ended);
  return outcome;
}

/**
 * Deletes an issuer: its tokens count no more, and sessions that it vouched for end. Not while it has members:
 * who came through it would be a member by password from then on, and nobody has asked them for one.
 */
export async function deleteIssuer(
  deps: IssuerDependencies,
  granter: Granter,
  input: IssuerVersion,
): Promise<Outcome<SavedIssuer>> {
  const { organizationId, id } = input;
  let ended: readonly ChangedResource[] = [];
  const outcome = await deps.store.withOrganization(
    organizationId,
    async (em): Promise<Outcome<SavedIssuer>> => {
      const locked = await lockIssuer(em, input);
      if (!locked.ok) return locked;
      const issuer = locked.value;
      if ((await em.count(Membership, { organizationId, issuerId: id })) > 0) {
        const text = 'Remove the members who came through the issuer first, or disable it.';
        return refused(violation('id', 'IN_USE', text));
      }
      const before = audited(issuer);
      ended = await endLogins(deps, em, issuer);
      await em.flush();
      await em.nativeDelete(Issuer, { organizationId, id });
      const { revision } = await commitChange(em, {
        organizationId,
        actor: granter.actor,
        action: 'issuer.delete',
        target: { type: 'issuer', id, label: issuer.name },
        ...auditedChange(before, null, { sessionsEnded: sessionsIn(ended) }),
        resources: [{ kind: 'issuer', id }, ...ended],
      });
      return done({ issuer, revision });
    },
  );
  if (outcome.ok) await endFurtherLogins(deps, granter.actor, outcome.value.issuer, ended);
  return outcome;
}

/** An issuer is asked at most so often on demand. */
const onDemandCooldownMs = 2000;

/** Asks an issuer for its keys now. Asked again at once, it answers with what is known. */
export async function refreshIssuerNow(
  deps: IssuerDependencies,
  actor: Granter['actor'],
  of: { readonly organizationId: string; readonly id: string },
): Promise<Outcome<Issuer>> {
  const { organizationId, id } = of;
  if ((await findIssuer(deps.store, organizationId, id)) === null) {
    return refused(notFound('id', 'issuer'));
  }
  const claimed = await claimIssuer(deps.refresh.store, of, onDemandCooldownMs);
  const result = claimed && (await refreshIssuer(claimed, deps.refresh));
  return deps.store.withOrganization(organizationId, async (em) => {
    const issuer = await em.findOne(Issuer, { organizationId, id });
    if (issuer === null) return refused(notFound('id', 'issuer'));
    // Not field by field: what changed has an entry of its own, in the transaction that wrote it.
    await recordAudit(em, {
      organizationId,
      actor,
      action: 'issuer.refresh',
      target: { type: 'issuer', id, label: issuer.name },
      details: { result: result ?? 'asked_just_now' },
    });
    return done(issuer);
  });
}
