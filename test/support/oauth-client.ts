import { randomBytes } from 'node:crypto';

/** What an MCP client keeps of OAuth, in the members that the SDKs 1.32 and 2.4 share. */
export interface OauthTokens {
  readonly access_token: string;
  readonly token_type: string;
  readonly refresh_token?: string | undefined;
  readonly scope?: string | undefined;
}

interface OauthRegistration {
  readonly client_id: string;
  readonly client_secret?: string | undefined;
}

/**
 * The OAuth side of an MCP client: remembers in memory, and instead of opening a browser remembers where it
 * would have sent the person.
 */
export class OauthClient {
  readonly redirectUrl = 'http://127.0.0.1:9/callback';
  readonly clientMetadata = {
    client_name: 'an agent',
    redirect_uris: [this.redirectUrl],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    application_type: 'native' as const,
  };
  /** Where the person was to go. */
  authorizationUrl: URL | undefined;
  #registration: OauthRegistration | undefined;
  #tokens: OauthTokens | undefined;
  #verifier = '';
  #discovery: unknown;
  readonly #state = randomBytes(16).toString('hex');

  state(): string {
    return this.#state;
  }

  clientInformation(): OauthRegistration | undefined {
    return this.#registration;
  }

  saveClientInformation(registration: OauthRegistration): void {
    this.#registration = registration;
  }

  tokens(): OauthTokens | undefined {
    return this.#tokens;
  }

  saveTokens(tokens: OauthTokens): void {
    this.#tokens = tokens;
  }

  redirectToAuthorization(url: URL): void {
    this.authorizationUrl = url;
  }

  saveDiscoveryState(state: unknown): void {
    this.#discovery = state;
  }

  /** Binds the way back to the authorization server that the person was sent to. */
  discoveryState(): undefined {
    return this.#discovery as undefined;
  }

  saveCodeVerifier(verifier: string): void {
    this.#verifier = verifier;
  }

  codeVerifier(): string {
    return this.#verifier;
  }
}

/** What a token says, unchecked. */
export function claimsOf(token: string): Readonly<Record<string, unknown>> {
  const [, payload = ''] = token.split('.');
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
}
