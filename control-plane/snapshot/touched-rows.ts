import type { ChangedResource, ChangedResourceKind } from '../store/changed-resource.ts';

/** Which kinds of changed resources make rows be read again; what no node gets is in none. */
export const touchingKinds = {
  organizations: ['organization'],
  apiKeys: ['api_key'],
  /** People whose roles or whose account changed: their keys follow. */
  users: ['user', 'membership'],
  /** Disabled, or given another role: their keys follow. */
  serviceAccounts: ['service_account'],
  /** Renamed, or allowed other things: keys of everybody who has one follow. */
  customRoles: ['custom_role'],
  servers: ['server'],
  revocations: ['revocation'],
  groups: ['node_group'],
  /** A new group has its first key, a removed one none any more. */
  sealKeys: ['seal_keys', 'node_group'],
  issuers: ['issuer'],
  /** Roles that issuers of the organization may map to. */
  issuerRoles: ['custom_role'],
  /** Nodes get the public halves, as the gateway's own issuer. */
  signingKeys: ['signing_key'],
  policies: ['policy'],
  toolPins: ['tool_pin'],
  /** All of an organization's, renumbered. */
  policyOrders: ['policy_order'],
  /** Policies that name servers: which ones these are may have changed. */
  namedServers: ['server_names'],
  /** Revoked, or their group removed: open streams are to be checked. */
  tokens: ['node_token', 'node_group'],
} as const satisfies Readonly<Record<string, readonly ChangedResourceKind[]>>;

/** What one revision touched. */
export type RevisionEntries = readonly ChangedResource[];

/** Which rows some revisions touched, as far as nodes may notice. */
export interface TouchedRows {
  readonly organizationIds: ReadonlySet<string>;
  readonly apiKeyIds: ReadonlySet<string>;
  readonly serverIds: ReadonlySet<string>;
  readonly revocationIds: ReadonlySet<string>;
  /** Groups whose key ring changed. */
  readonly sealKeyGroupIds: ReadonlySet<string>;
  readonly issuerIds: ReadonlySet<string>;
  readonly signingKeys: boolean;
  readonly policyIds: ReadonlySet<string>;
  readonly toolPinIds: ReadonlySet<string>;
  readonly groups: boolean;
  readonly tokens: boolean;
}

/** Collects what a run of revisions touched. */
export function touchedRows(revisions: readonly RevisionEntries[]): TouchedRows {
  const ids = (kinds: readonly ChangedResourceKind[]) =>
    new Set(
      revisions.flatMap((entries) =>
        entries.filter(({ kind }) => kinds.includes(kind)).map(({ id }) => id),
      ),
    );
  return {
    organizationIds: ids(touchingKinds.organizations),
    apiKeyIds: ids(touchingKinds.apiKeys),
    serverIds: ids(touchingKinds.servers),
    revocationIds: ids(touchingKinds.revocations),
    sealKeyGroupIds: ids(touchingKinds.sealKeys),
    issuerIds: ids(touchingKinds.issuers),
    signingKeys: ids(touchingKinds.signingKeys).size > 0,
    policyIds: ids(touchingKinds.policies),
    toolPinIds: ids(touchingKinds.toolPins),
    groups: ids(touchingKinds.groups).size > 0,
    tokens: ids(touchingKinds.tokens).size > 0,
  };
}
