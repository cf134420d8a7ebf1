import { randomBytes } from 'node:crypto';
import { newCredential } from '../../common/credential.ts';
import { compileCondition } from '../../common/policy/compile-condition.ts';
import type { Policy } from '../../common/policy/policy.ts';
import type { PolicyPin } from '../../common/policy/policy-call.ts';
import { PolicySet } from '../../common/policy/policy-set.ts';
import type { IssuerEntry } from '../../data-plane/snapshot/issuer.ts';
import type { RevokedTokens } from '../../data-plane/snapshot/revocation.ts';
import { RevocationIndex } from '../../data-plane/snapshot/revocation-index.ts';
import type {
  ApiKeyEntry,
  FailClosedEntry,
  OrganizationEntry,
  ServerEntry,
  Snapshot,
} from '../../data-plane/snapshot/snapshot.ts';
import { policySettings } from './policy-settings.ts';

const noPolicies = { allow: PolicySet.empty.withDefault('allow'), deny: PolicySet.empty };

/** A snapshot that a test fills by hand. */
export class ProxySnapshot implements Snapshot {
  readonly epoch = 'epoch-1';
  revision = 1;
  readonly organizations = new Map<string, OrganizationEntry>();
  readonly apiKeys = new Map<string, ApiKeyEntry>();
  readonly servers = new Map<string, ServerEntry>();
  /** By organization id. */
  readonly issuersOf = new Map<string, readonly IssuerEntry[]>();
  /** By `${server id}/${tool}`. */
  readonly toolPins = new Map<string, PolicyPin>();
  readonly toolPinMarks = new Map<string, object>();
  readonly closed = new Map<string, FailClosedEntry>();
  /** By organization id. */
  readonly policySets = new Map<string, PolicySet>();
  revocations = new RevocationIndex();
  readonly #sealKey = { id: 'k1', key: randomBytes(32) };

  readonly sealKeys = {
    primary: this.#sealKey,
    find: (id: string) => (id === this.#sealKey.id ? this.#sealKey : undefined),
  };

  organization(slug: string): OrganizationEntry | undefined {
    return this.organizations.get(slug);
  }

  apiKey(keyId: string): ApiKeyEntry | undefined {
    return this.apiKeys.get(keyId);
  }

  server(organizationId: string, slug: string): ServerEntry | undefined {
    return this.servers.get(`${organizationId}/${slug}`);
  }

  issuers(organizationId: string): readonly IssuerEntry[] {
    return this.issuersOf.get(organizationId) ?? [];
  }

  issuer(organizationId: string, issuer: string): IssuerEntry | undefined {
    return this.issuers(organizationId).find((entry) => entry.issuer === issuer);
  }

  toolPin(serverId: string, tool: string): PolicyPin | undefined {
    return this.toolPins.get(`${serverId}/${tool}`);
  }

  policies({ id, policyDefault }: Pick<OrganizationEntry, 'id' | 'policyDefault'>): PolicySet {
    const set = this.policySets.get(id) ?? noPolicies[policyDefault];
    return set.withDefault(policyDefault);
  }

  toolPinMark(serverId: string): object | undefined {
    return this.toolPinMarks.get(serverId);
  }

  failClosed(_organizationId: string, serverId: string): FailClosedEntry | undefined {
    return this.closed.get(serverId);
  }

  addOrganization(slug: string, fields: Partial<OrganizationEntry> = {}): OrganizationEntry {
    const organization = {
      id: `organization-${slug}`,
      slug,
      enabled: true,
      mustAudit: false,
      allowedOrigins: new Set<string>(),
      staleAfterMs: undefined,
      ...policySettings,
      ...fields,
    };
    this.organizations.set(slug, organization);
    return organization;
  }

  /** The text of a new key. */
  addKey(organization: OrganizationEntry, subject: string, fields: Partial<ApiKeyEntry> = {}) {
    const credential = newCredential('apiKey');
    this.apiKeys.set(credential.id, {
      keyId: credential.id,
      organizationId: organization.id,
      secretHash: credential.hash,
      subject,
      roles: ['agent'],
      scopes: ['mcp:*'],
      expiresAtMs: undefined,
      label: 'test',
      ...fields,
    });
    return credential.text;
  }

  /** Replaces the policies of an organization. */
  setPolicies({ id, policyDefault }: OrganizationEntry, policies: readonly Policy[]): void {
    const set = PolicySet.compile(policies, { default: policyDefault, compile: compileCondition });
    this.policySets.set(id, set);
  }

  /** Revokes tokens of an organization. */
  revoke(organization: OrganizationEntry, tokens: RevokedTokens): void {
    const editor = this.revocations.edit();
    editor.add({
      id: `revocation-${randomBytes(4).toString('hex')}`,
      organizationId: organization.id,
      tokens,
      expiresAtMs: Number.MAX_SAFE_INTEGER,
    });
    this.revocations = editor.finish();
  }

  addServer(
    organization: OrganizationEntry,
    slug: string,
    urls: readonly URL[],
    fields: Partial<ServerEntry> = {},
  ): ServerEntry {
    const id = `server-${organization.slug}-${slug}`;
    const server: ServerEntry = {
      id,
      organizationId: organization.id,
      slug,
      enabled: true,
      transport: 'streamable-http',
      era: undefined,
      endpoints: urls.map((url, index) => ({ id: `${id}-endpoint-${index}`, url, weight: 1 })),
      credential: undefined,
      connectTimeoutMs: undefined,
      requestTimeoutMs: undefined,
      labels: new Map(),
      ...fields,
    };
    this.servers.set(`${organization.id}/${slug}`, server);
    return server;
  }
}
