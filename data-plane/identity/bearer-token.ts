const usualPrefix = 'Bearer ';

/**
 * What follows `Bearer` in an Authorization header; the scheme's case doesn't matter (RFC 9110, 11.1). Which
 * characters it holds is left to whoever reads it: a walk over a token for every call would cost more than
 * all the rest of a known caller's identification.
 */
export function bearerToken(authorization: string): string | undefined {
  if (authorization.startsWith(usualPrefix) && authorization.charAt(usualPrefix.length) !== ' ') {
    return authorization.slice(usualPrefix.length);
  }
  return /^bearer +([A-Za-z0-9\-._~+/]+=*) *$/i.exec(authorization)?.[1];
}
