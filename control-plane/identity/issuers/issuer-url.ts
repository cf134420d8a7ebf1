import { isSpecialHost } from '../../../common/special-address.ts';

/** Which addresses issuers may have. */
export interface IssuerAddressRules {
  /**
   * Whether issuers may stand at loopback, private and other special addresses. Off unless the
   * installation's own provider stands there: whoever may name an issuer could else make the control plane
   * call services that trust their network (SSRF).
   */
  readonly privateAddressesAllowed: boolean;
}

export const issuerUrlLengthMax = 2000;

/** True for a host that is this machine itself: nobody can listen on the way. */
export function isLoopbackHost(hostname: string): boolean {
  return /^(?:localhost|(?:.+\.)?localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(hostname);
}

/** Why a URL can't be called or sent people to; undefined: it can. */
export type UrlDefect = 'form' | 'insecure' | 'address';

/**
 * Checks a URL of an issuer: absolute, without credentials and fragment, https (plain http at this machine
 * alone), and at an address that is allowed here. What a name resolves to is checked when it is called.
 */
export function urlDefect(text: string, rules: IssuerAddressRules): UrlDefect | undefined {
  if (text.length > issuerUrlLengthMax || !text.isWellFormed()) return 'form';
  if (!/^https?:\/\/[^\s/\\?#]\S*$/i.test(text) || !URL.canParse(text)) return 'form';
  const url = new URL(text);
  if (url.username !== '' || url.password !== '' || text.includes('#')) return 'form';
  const { hostname, protocol } = url;
  if (!rules.privateAddressesAllowed && isSpecialHost(hostname)) return 'address';
  return protocol === 'https:' || isLoopbackHost(hostname) ? undefined : 'insecure';
}
