import type { IssuerMetadata } from '../../store/entities/issuer.ts';
import { type GuardedFetch, GuardedFetchError, type GuardedReply } from './guarded-fetch.ts';
import { type IssuerAddressRules, urlDefect } from './issuer-url.ts';

/** What an issuer says of itself, as far as it is needed here. */
export interface Discovered {
  readonly jwksUrl: string;
  readonly metadata: IssuerMetadata;
}

/**
 * Where an issuer may describe itself: OpenID Connect Discovery 1.0 appends to the issuer's path, RFC 8414
 * puts it in front.
 */
function metadataUrls(issuerUrl: string): readonly string[] {
  const { origin, pathname, search } = new URL(issuerUrl);
  const path = pathname.replace(/\/$/, '');
  return [
    `${origin}${path}/.well-known/openid-configuration${search}`,
    `${origin}/.well-known/oauth-authorization-server${path}${search}`,
  ];
}

function parsed(reply: GuardedReply): Readonly<Record<string, unknown>> {
  let document: unknown;
  try {
    document = JSON.parse(reply.text);
  } catch {
    throw new GuardedFetchError('its metadata is no JSON');
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw new GuardedFetchError('its metadata is no JSON object');
  }
  return document as Readonly<Record<string, unknown>>;
}

/** Authentication methods that are kept; a provider lists a dozen at most. */
const methodsMax = 30;

/** @throws {GuardedFetchError} when the document is not this issuer's, or names URLs that can't be used. */
function readMetadata(
  issuerUrl: string,
  document: Readonly<Record<string, unknown>>,
  rules: IssuerAddressRules,
): Discovered {
  // RFC 8414, section 3.3: else one issuer could speak for another.
  if (document['issuer'] !== issuerUrl) {
    throw new GuardedFetchError('its metadata names another issuer: compare to the letter');
  }
  const urlOf = (member: string): string | undefined => {
    const url = document[member];
    if (url === undefined || url === null) return undefined;
    if (typeof url !== 'string' || urlDefect(url, rules) !== undefined) {
      throw new GuardedFetchError(`its metadata holds a ${member} that is not allowed here`);
    }
    return url;
  };
  const jwksUrl = urlOf('jwks_uri');
  if (jwksUrl === undefined) throw new GuardedFetchError('its metadata holds no jwks_uri');
  const authorization = urlOf('authorization_endpoint');
  const token = urlOf('token_endpoint');
  const methods = document['token_endpoint_auth_methods_supported'];
  return {
    jwksUrl,
    metadata: {
      ...(authorization !== undefined && { authorization_endpoint: authorization }),
      ...(token !== undefined && { token_endpoint: token }),
      ...(Array.isArray(methods) && {
        token_endpoint_auth_methods_supported: methods
          .slice(0, methodsMax)
          .filter((method): method is string => typeof method === 'string' && method.length <= 100),
      }),
      authorization_response_iss_parameter_supported:
        document['authorization_response_iss_parameter_supported'] === true,
    },
  };
}

/** Asks an issuer where its keys and endpoints are. @throws {GuardedFetchError} */
export async function discoverIssuer(
  issuerUrl: string,
  guarded: GuardedFetch,
  rules: IssuerAddressRules,
): Promise<Discovered> {
  let status = 0;
  for (const url of metadataUrls(issuerUrl)) {
    const reply = await guarded.fetch(url);
    if (reply.status === 200) return readMetadata(issuerUrl, parsed(reply), rules);
    status = reply.status;
    if (status >= 500) break;
  }
  throw new GuardedFetchError(`its metadata is answered by status ${status}`);
}
