import { isSpecialHost } from '../../common/special-address.ts';
import { type Violation, violation } from '../input/violation.ts';

/** Which addresses upstream servers may have. */
export interface UpstreamAddressRules {
  /**
   * Whether URLs may name loopback, private, link-local and other addresses that are not on the public
   * Internet. Off unless the installation's own servers stand there: whoever may register a server could
   * else make nodes call services that trust their network (SSRF). Nodes check again what they connect to.
   */
  readonly privateAddressesAllowed: boolean;
}

export const urlLengthMax = 2000;

/**
 * Checks the URL of an MCP endpoint: absolute, http or https, without credentials (they belong into the
 * sealed credential) and fragment, and at an address that is allowed here.
 */
export function validateUpstreamUrl(
  path: string,
  text: string,
  rules: UpstreamAddressRules,
): Violation[] {
  if (text.length > urlLengthMax) {
    return [violation(path, 'TOO_LONG', `A URL has at most ${urlLengthMax} characters.`)];
  }
  const form = violation(path, 'INVALID_FORMAT', 'An absolute http or https URL is needed.');
  if (!/^https?:\/\/[^\s/\\?#]\S*$/i.test(text) || !text.isWellFormed() || !URL.canParse(text)) {
    return [form];
  }
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') {
    const message = 'A URL holds no user or password; set a credential instead.';
    return [violation(path, 'INVALID_FORMAT', message)];
  }
  if (text.includes('#')) {
    return [violation(path, 'INVALID_FORMAT', 'An MCP URL has no fragment.')];
  }
  if (!rules.privateAddressesAllowed && isSpecialHost(url.hostname)) {
    const message = 'Private, loopback and other special addresses are not allowed here.';
    return [violation(path, 'ADDRESS_NOT_ALLOWED', message)];
  }
  return [];
}

/** The form under which a URL is stored and compared: as the URL standard writes it. */
export function normalizeUpstreamUrl(text: string): string {
  return new URL(text).href;
}
