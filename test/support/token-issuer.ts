import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { contracts } from '../../common/contracts.ts';
import type { IssuerEntry } from '../../data-plane/snapshot/issuer.ts';
import { decodeResource } from '../../data-plane/snapshot/resource-decoders.ts';
import type { Resource } from '../../proto/gen/mcpgw/discovery/v1/Resource.ts';
import type { IssuerInput } from '../../proto/gen/mcpgw/resources/v1/Issuer.ts';
import { envelope } from './control-plane-double-resources.ts';

/** An `Issuer` as the control plane sends it. */
export function issuerResource(
  id: string,
  organizationId: string,
  fields: IssuerInput = {},
): Resource {
  const body = contracts.resources.Issuer.serialize({
    id,
    organizationId,
    issuer: `https://${id}.example`,
    jwks: '{"keys":[]}',
    algorithms: ['EdDSA', 'ES256', 'RS256'],
    scopeMode: 'SCOPE_MODE_REQUIRED',
    ...fields,
  });
  return envelope('Issuer', id, { organizationId, serverIds: [] }, body);
}

/** The entry that a node makes of a resource. */
export function issuerEntry({ type, name, scope, body }: Resource): IssuerEntry {
  const { organizationId = '' } = scope ?? {};
  const decoded = decodeResource(type, { name, scope: { organizationId, serverIds: [] }, body });
  if (!decoded.ok) throw new Error(JSON.stringify(decoded.violations));
  if (decoded.value.type !== 'Issuer') throw new Error('no issuer');
  return decoded.value.value;
}

/** A key pair of an authorization server, and what it signs. */
export class TokenSigner {
  readonly algorithm: string;
  readonly kid: string;
  readonly publicJwk: JWK;
  readonly #privateKey: CryptoKey;

  constructor(algorithm: string, kid: string, publicJwk: JWK, privateKey: CryptoKey) {
    this.algorithm = algorithm;
    this.kid = kid;
    this.publicJwk = publicJwk;
    this.#privateKey = privateKey;
  }

  static async create(algorithm = 'EdDSA', kid = 'key-1'): Promise<TokenSigner> {
    const pair = await generateKeyPair(algorithm, { extractable: true });
    const jwk = await exportJWK(pair.publicKey);
    return new TokenSigner(
      algorithm,
      kid,
      { ...jwk, kid, alg: algorithm, use: 'sig' },
      pair.privateKey,
    );
  }

  /** A set with this key alone, as JSON. */
  get jwks(): string {
    return JSON.stringify({ keys: [this.publicJwk] });
  }

  sign({ header, claims }: { header?: object; claims: object }): Promise<string> {
    return new SignJWT({ ...claims })
      .setProtectedHeader({ alg: this.algorithm, kid: this.kid, typ: 'at+jwt', ...header })
      .sign(this.#privateKey);
  }
}

/** Signs nothing: what stands in front of the last dot, with any signature behind it. */
export function assembleToken(header: object, claims: object, signature: Buffer): string {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  return `${encode(header)}.${encode(claims)}.${signature.toString('base64url')}`;
}
