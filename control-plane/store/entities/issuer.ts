import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

export const scopeModes = ['required', 'role'] as const;
export type ScopeMode = (typeof scopeModes)[number];

/** A value of the role claim, and the role of who has it. */
export interface RoleMapping {
  readonly value: string;
  readonly role: string;
}

/** Where an issuer logs people in, as it says itself (OpenID Connect Discovery 1.0). */
export interface IssuerMetadata {
  readonly authorization_endpoint?: string;
  readonly token_endpoint?: string;
  readonly token_endpoint_auth_methods_supported?: string[];
  readonly authorization_response_iss_parameter_supported?: boolean;
}

/** Public keys of an issuer (RFC 7517). */
export interface PublicKeySet {
  readonly keys: readonly Readonly<Record<string, unknown>>[];
}

/** An authorization server that an organization trusts. What the worker fetched is written by it alone. */
export const Issuer = defineEntity({
  name: 'Issuer',
  tableName: 'issuers',
  properties: {
    organizationId: p.uuid().primary(),
    id: p.uuid().primary(),
    name: p.text(),
    /** Compared to the letter with what tokens and the issuer itself say. */
    issuerUrl: p.text(),
    enabled: p.boolean(),
    algorithms: p.array(),
    /** Whether its access tokens count at the proxy. */
    proxyEnabled: p.boolean(),
    scopeMode: p.text().$type<ScopeMode>(),
    loginEnabled: p.boolean(),
    clientId: p.text().strictNullable(),
    clientSecretCiphertext: p.blob().strictNullable().hidden(),
    clientSecretWrappedKey: p.blob().strictNullable().hidden(),
    clientSecretMasterKeyId: p.text().strictNullable(),
    redirectUrls: p.array(),
    loginScopes: p.array(),
    roleClaim: p.array(),
    roleMappings: p.json<readonly RoleMapping[]>(),
    defaultRole: p.text().strictNullable(),
    jwks: p.json<PublicKeySet>().strictNullable(),
    jwksUrl: p.text().strictNullable(),
    jwksEtag: p.text().strictNullable(),
    jwksLastModified: p.text().strictNullable(),
    metadata: p.json<IssuerMetadata>().strictNullable(),
    fetchedAt: p.datetime(3).strictNullable(),
    fetchFailedAt: p.datetime(3).strictNullable(),
    fetchError: p.text().strictNullable(),
    fetchFailures: p.integer(),
    nextFetchAt: p.datetime(3),
    createdAt: p.datetime(3).onCreate(() => new Date()),
    updatedAt: p.datetime(3).onCreate(() => new Date()),
    version: p.integer().version(),
  },
});
export type Issuer = InferEntity<typeof Issuer>;
