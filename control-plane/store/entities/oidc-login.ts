import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

/** A log-in that went to an issuer and has not come back. */
export const OidcLogin = defineEntity({
  name: 'OidcLogin',
  tableName: 'oidc_logins',
  properties: {
    /** SHA-256 of the state that the issuer carries. */
    stateHash: p.blob().primary(),
    organizationId: p.uuid(),
    issuerId: p.uuid(),
    /** SHA-256 of the token that whoever began holds. */
    browserHash: p.blob().hidden(),
    /** PKCE verifier and nonce. */
    sealedCiphertext: p.blob().hidden(),
    sealedWrappedKey: p.blob().hidden(),
    sealedMasterKeyId: p.text(),
    redirectUrl: p.text(),
    createdAt: p.datetime(3).onCreate(() => new Date()),
    expiresAt: p.datetime(3),
  },
});
export type OidcLogin = InferEntity<typeof OidcLogin>;
