/** What a public key must be for an algorithm (RFC 7518, RFC 8037). */
interface KeyForm {
  readonly kty: 'RSA' | 'EC' | 'OKP';
  readonly crv?: string;
}

/**
 * Signature algorithms that tokens may have here: asymmetric ones alone. `none` needs no key, and with HS256
 * whoever may check a token could make one.
 */
export const signatureAlgorithms = {
  EdDSA: { kty: 'OKP', crv: 'Ed25519' },
  Ed25519: { kty: 'OKP', crv: 'Ed25519' },
  ES256: { kty: 'EC', crv: 'P-256' },
  ES384: { kty: 'EC', crv: 'P-384' },
  ES512: { kty: 'EC', crv: 'P-521' },
  RS256: { kty: 'RSA' },
  RS384: { kty: 'RSA' },
  RS512: { kty: 'RSA' },
  PS256: { kty: 'RSA' },
  PS384: { kty: 'RSA' },
  PS512: { kty: 'RSA' },
} as const satisfies Readonly<Record<string, KeyForm>>;
export type SignatureAlgorithm = keyof typeof signatureAlgorithms;

export function isSignatureAlgorithm(text: string): text is SignatureAlgorithm {
  return Object.hasOwn(signatureAlgorithms, text);
}

/** True when a public key (RFC 7517) is of the algorithm's kind, and is not kept for another one. */
export function fitsAlgorithm(
  jwk: { readonly kty?: unknown; readonly crv?: unknown; readonly alg?: unknown },
  algorithm: SignatureAlgorithm,
): boolean {
  const form: KeyForm = signatureAlgorithms[algorithm];
  if (jwk.kty !== form.kty || (form.crv !== undefined && jwk.crv !== form.crv)) return false;
  return jwk.alg === undefined || jwk.alg === algorithm;
}
