import type { PolicyPin } from '../../common/policy/policy-call.ts';
import type { PolicySet } from '../../common/policy/policy-set.ts';
import type { IssuerEntry } from './issuer.ts';
import type { RevocationIndex } from './revocation-index.ts';
import type { SealKeyRing } from './seal-key-ring.ts';

/** A tenant, as calls see it. */
export interface OrganizationEntry {
  readonly id: string;
  readonly slug: string;
  readonly enabled: boolean;
  readonly mustAudit: boolean;
  readonly allowedOrigins: ReadonlySet<string>;
  /** Calls are refused while the node's view is older; undefined: never. */
  readonly staleAfterMs: number | undefined;
  /** What becomes of a call that no policy decides. */
  readonly policyDefault: 'allow' | 'deny';
  readonly toolRefusalForm: ToolRefusalForm;
  readonly argumentRecording: 'off' | 'redacted' | 'full';
  /** Longer arguments are not recorded, in bytes of JSON. */
  readonly argumentBytesMax: number;
  /** Request headers that conditions may read, in lower case. */
  readonly policyHeaders: readonly string[];
}

/** How a tools/call that a policy denies is answered. */
export type ToolRefusalForm = 'http-status' | 'json-rpc-error' | 'tool-result';

export interface ApiKeyEntry {
  readonly keyId: string;
  readonly organizationId: string;
  readonly secretHash: Uint8Array;
  /** Stable subject, such as `user:<id>`: what sessions are bound to, whatever key is used. */
  readonly subject: string;
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  /** Undefined: never expires. */
  readonly expiresAtMs: number | undefined;
  readonly label: string;
}

export type UpstreamEra = 'legacy' | 'modern' | 'dual';
export type UpstreamTransportKind = 'streamable-http' | 'http-sse';

export interface EndpointEntry {
  readonly id: string;
  readonly url: URL;
  readonly weight: number;
}

export interface UpstreamCredentialEntry {
  /** Lower-case header name. */
  readonly header: string;
  readonly value: string;
}

export interface ServerEntry {
  readonly id: string;
  readonly organizationId: string;
  readonly slug: string;
  readonly enabled: boolean;
  readonly transport: UpstreamTransportKind;
  /** Undefined: the node detects it. */
  readonly era: UpstreamEra | undefined;
  /** At least one. */
  readonly endpoints: readonly EndpointEntry[];
  readonly credential: UpstreamCredentialEntry | undefined;
  readonly connectTimeoutMs: number | undefined;
  readonly requestTimeoutMs: number | undefined;
  readonly labels: ReadonlyMap<string, string>;
}

/** A resource that was refused and restricts: nothing in its scope is allowed while it stands. */
export interface FailClosedEntry {
  readonly type: string;
  readonly name: string;
}

/**
 * Everything that a call may be decided by, immutable. A call takes it once at accept and never reads
 * another, so that no call is decided half by one revision and half by the next.
 */
export interface Snapshot {
  readonly epoch: string;
  readonly revision: number;
  readonly sealKeys: SealKeyRing;
  readonly revocations: RevocationIndex;
  organization(slug: string): OrganizationEntry | undefined;
  apiKey(keyId: string): ApiKeyEntry | undefined;
  server(organizationId: string, slug: string): ServerEntry | undefined;
  /** The organization's issuer of this name, to the letter; `platform` for the gateway itself. */
  issuer(organizationId: string, issuer: string): IssuerEntry | undefined;
  /** All that the organization trusts. */
  issuers(organizationId: string): readonly IssuerEntry[];
  /** What an admin has approved of a server's tool, if anything. */
  toolPin(serverId: string, tool: string): PolicyPin | undefined;
  /** Another object after any of the server's approved definitions has changed. */
  toolPinMark(serverId: string): object | undefined;
  /** What the organization's calls are decided by; the same object while nothing of it changed. */
  policies(organization: Pick<OrganizationEntry, 'id' | 'policyDefault'>): PolicySet;
  /** The refused restriction that closes this server, if any. */
  failClosed(organizationId: string, serverId: string): FailClosedEntry | undefined;
}

/** Where a call takes its snapshot from; undefined until the node has its first. */
export interface SnapshotSource {
  current(): Snapshot | undefined;
}
