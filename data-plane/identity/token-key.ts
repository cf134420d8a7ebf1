import { type IssuerEntry, platform, type TokenKey } from '../snapshot/issuer.ts';
import type { TokenText } from './token-text.ts';

/** The gateway marks its access tokens (RFC 9068); many providers mark theirs as any JWT, or not at all. */
const ownTypes: ReadonlySet<string | undefined> = new Set(['at+jwt']);
const providerTypes: ReadonlySet<string | undefined> = new Set(['at+jwt', 'jwt', undefined]);

/**
 * The one key that a token may be verified with, found before anything is computed. What a token says of its
 * algorithm selects among what key and issuer allow, and never decides: `none` and the symmetric ones are in
 * no key's set. Without a `kid` there must be no choice.
 */
export function keyForToken(issuer: IssuerEntry, token: TokenText): TokenKey | undefined {
  const types = issuer.organizationId === platform ? ownTypes : providerTypes;
  if (!types.has(token.type)) return undefined;
  if (token.keyId === undefined && issuer.keys.length !== 1) return undefined;
  return issuer.keys.find(
    ({ id, algorithms }) =>
      (token.keyId === undefined || id === token.keyId) && algorithms.has(token.algorithm),
  );
}
