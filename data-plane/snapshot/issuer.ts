import type { KeyObject } from 'node:crypto';

/** A public key of an issuer, ready to verify with. */
export interface TokenKey {
  /** `kid`; undefined where the set names none. */
  readonly id: string | undefined;
  /** What a token may be signed with by this key: fits its type, and the issuer allows it. */
  readonly algorithms: ReadonlySet<string>;
  readonly key: KeyObject;
}

/** `required`: a token does what its `mcp:` scopes say; `role`: it does what its role allows. */
export type ScopeMode = 'required' | 'role';

/**
 * An authorization server whose access tokens count. A new version of the resource is a new object, so that
 * what was made of the old one is known to be old.
 */
export interface IssuerEntry {
  readonly id: string;
  /** Empty: the gateway itself, whose tokens name their organization. */
  readonly organizationId: string;
  /** Value of `iss`, compared to the letter. */
  readonly issuer: string;
  readonly keys: readonly TokenKey[];
  readonly scopeMode: ScopeMode;
  /** Path of the claim whose values are mapped to roles; empty: none. */
  readonly roleClaim: readonly string[];
  /** The first match counts; an empty role refuses. */
  readonly roleMappings: readonly { readonly value: string; readonly role: string }[];
  /** Role of who matches no mapping; undefined: refused. */
  readonly defaultRole: string | undefined;
}

/** Organization id of the issuer that is the gateway itself. */
export const platform = '';
