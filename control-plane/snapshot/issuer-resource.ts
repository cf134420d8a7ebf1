import { contracts } from '../../common/contracts.ts';
import { fitsAlgorithm, isSignatureAlgorithm } from '../../common/signature-algorithms.ts';
import { canonicalMessage, canonicalSet } from './canonical-message.ts';
import { type CompiledResource, compiledResource } from './compiled-resource.ts';

/** A public key as a JSON Web Key (RFC 7517). */
export type PublicJwk = Readonly<Record<string, unknown>>;

/** What of an organization's issuer reaches nodes. One that vouches for no call is never compiled. */
export interface IssuerRow {
  readonly id: string;
  readonly organizationId: string;
  /** Value of `iss`. */
  readonly issuer: string;
  /** Public keys, also such as fit none of the algorithms. */
  readonly jwks: { readonly keys: readonly PublicJwk[] };
  readonly algorithms: readonly string[];
  readonly scopeMode: 'required' | 'role';
  readonly roleClaim: readonly string[];
  readonly roleMappings: readonly { readonly value: string; readonly role: string }[];
  readonly defaultRole: string | null;
}

const scopeModes = { required: 'SCOPE_MODE_REQUIRED', role: 'SCOPE_MODE_ROLE' } as const;

/** The gateway as an issuer; its id, and its name in the stream. */
const platformIssuerId = 'platform';

/** Members in the order of their names, keys in the order of their text: one key set, one encoding. */
function canonicalJwks(keys: readonly PublicJwk[]): string {
  const texts = keys.map((key) =>
    JSON.stringify(Object.fromEntries(Object.entries(key).sort(([a], [b]) => (a < b ? -1 : 1)))),
  );
  return `{"keys":[${texts.sort().join(',')}]}`;
}

export function issuerResource(row: IssuerRow): CompiledResource {
  const algorithms = row.algorithms.filter(isSignatureAlgorithm);
  const keys = row.jwks.keys.filter((key) =>
    algorithms.some((algorithm) => fitsAlgorithm(key, algorithm)),
  );
  const body = contracts.resources.Issuer.serialize(
    canonicalMessage({
      id: row.id,
      organizationId: row.organizationId,
      issuer: row.issuer,
      jwks: canonicalJwks(keys),
      algorithms: canonicalSet(algorithms),
      scopeMode: scopeModes[row.scopeMode],
      roleClaim: [...row.roleClaim],
      roleMappings: row.roleMappings.map(({ value, role }) => ({ value, role })),
      defaultRole: row.defaultRole ?? '',
    }),
  );
  return compiledResource({
    type: 'Issuer',
    name: row.id,
    scope: { organizationId: row.organizationId, serverIds: [] },
    body,
  });
}

/** Members of a signing key that nodes need. */
const publicMembers = ['kty', 'crv', 'x', 'kid', 'alg', 'use'];

/**
 * The gateway itself: every node must know the keys of tokens that it issues for the proxy, those that sign
 * no more included, until their tokens are past.
 */
export function platformIssuerResource(
  tokenIssuer: string,
  keys: readonly PublicJwk[],
): CompiledResource {
  return issuerResource({
    id: platformIssuerId,
    organizationId: '',
    issuer: tokenIssuer,
    jwks: {
      keys: keys.map((key) =>
        Object.fromEntries(Object.entries(key).filter(([name]) => publicMembers.includes(name))),
      ),
    },
    algorithms: ['EdDSA'],
    scopeMode: 'required',
    roleClaim: [],
    roleMappings: [],
    defaultRole: null,
  });
}
