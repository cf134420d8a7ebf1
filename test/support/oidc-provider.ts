import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import Provider, { type Configuration } from 'oidc-provider';
import { OidcProviderStore } from './oidc-provider-store.ts';

/** A person who has an account at the provider. */
export interface ProviderPerson {
  readonly sub: string;
  readonly email?: string;
  readonly emailVerified?: boolean;
  readonly name?: string;
  /** Further claims, such as `groups`. */
  readonly [claim: string]: unknown;
}

/** A client that the provider knows from the start. */
export interface ProviderClient {
  readonly id: string;
  readonly secret?: string;
  readonly redirectUrls: readonly string[];
  readonly scope?: string;
}

export interface OidcProviderOptions {
  readonly clients?: readonly ProviderClient[];
  /** Scopes of the resources (RFC 8707) that the provider issues access tokens for. */
  readonly resourceScopes?: string;
  /** Seconds that an access token is good; default 300. */
  readonly accessTokenSeconds?: number;
}

/** An OpenID provider on loopback; people log in there without a browser. */
export interface OidcProvider {
  readonly issuerUrl: string;
  /** Who is at the keyboard: logs in, and consents to everything. */
  person: ProviderPerson;
  /** Key ids as they are published, the one that signs first. */
  keyIds(): readonly string[];
  /** Publishes a new key that signs nothing yet. */
  publishKey(): Promise<string>;
  /** Lets the key that was published last sign. */
  signWithNewest(): void;
  /** Takes every key back but the one that signs. */
  dropOldKeys(): void;
  /** Answers what is asked of it with this status instead; undefined: works again. */
  outage: number | undefined;
  /** Paths of requests that came so far, such as `/jwks`. */
  readonly requests: string[];
  /**
   * Follows an authorization request as a browser would: logs the person in, consents, and returns the URL
   * that the provider redirects to at last.
   */
  authorize(authorizationUrl: string): Promise<URL>;
  close(): Promise<void>;
}

async function newKey(kid: string): Promise<JWK> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  return { ...(await exportJWK(privateKey)), kid, alg: 'ES256', use: 'sig' };
}

const interactionPath = '/interaction/';

/** What a person sees of a log-in, answered at once. */
async function interact(
  provider: Provider,
  person: ProviderPerson,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response);
  if (prompt.name === 'login') {
    const result = { login: { accountId: person.sub } };
    await provider.interactionFinished(request, response, result, {
      mergeWithLastSubmission: false,
    });
    return;
  }
  const grant =
    (grantId && (await provider.Grant.find(grantId))) ||
    new provider.Grant({
      accountId: session?.accountId ?? person.sub,
      clientId: String(params['client_id']),
    });
  const { missingOIDCScope, missingOIDCClaims, missingResourceScopes } = prompt.details as {
    missingOIDCScope?: string[];
    missingOIDCClaims?: string[];
    missingResourceScopes?: Record<string, string[]>;
  };
  if (missingOIDCScope) grant.addOIDCScope(missingOIDCScope.join(' '));
  if (missingOIDCClaims) grant.addOIDCClaims(missingOIDCClaims);
  for (const [resource, scopes] of Object.entries(missingResourceScopes ?? {})) {
    grant.addResourceScope(resource, scopes.join(' '));
  }
  const result = { consent: { grantId: await grant.save() } };
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
}

function configuration(
  options: OidcProviderOptions,
  keys: readonly JWK[],
  store: OidcProviderStore,
  personOf: (sub: string) => ProviderPerson | undefined,
): Configuration {
  const { clients = [], resourceScopes = '', accessTokenSeconds = 300 } = options;
  return {
    adapter: (model) => store.adapter(model),
    jwks: { keys: keys.map((key) => ({ ...key })) } as NonNullable<Configuration['jwks']>,
    clients: clients.map(({ id, secret, redirectUrls, scope }) => ({
      client_id: id,
      ...(secret === undefined
        ? { token_endpoint_auth_method: 'none' as const }
        : { client_secret: secret }),
      redirect_uris: [...redirectUrls],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code' as const],
      id_token_signed_response_alg: 'ES256',
      ...(scope !== undefined && { scope }),
    })),
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    cookies: { keys: ['a key of the test'] },
    // `groups` comes with every ID token, as providers of companies are set up.
    claims: {
      openid: ['sub', 'groups', 'realm_access'],
      email: ['email', 'email_verified'],
      profile: ['name'],
    },
    conformIdTokenClaims: false,
    scopes: ['openid', 'offline_access', ...resourceScopes.split(' ').filter(Boolean)],
    findAccount: (_context, sub) => {
      const person = personOf(sub);
      if (person === undefined) return undefined;
      const { email, emailVerified, ...claims } = person;
      return {
        accountId: sub,
        claims: () => ({ ...claims, sub, email, email_verified: emailVerified ?? false }),
      };
    },
    extraTokenClaims: (_context, token) => {
      const { accountId } = token as { accountId?: string };
      const groups = accountId === undefined ? undefined : personOf(accountId)?.['groups'];
      return groups === undefined ? undefined : { groups };
    },
    interactions: { url: (_context, { uid }) => `${interactionPath}${uid}` },
    features: {
      devInteractions: { enabled: false },
      registration: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => [],
        useGrantedResource: () => true,
        getResourceServerInfo: (_context, resource) => ({
          scope: resourceScopes,
          audience: resource,
          accessTokenFormat: 'jwt',
          accessTokenTTL: accessTokenSeconds,
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
    ttl: {
      AccessToken: accessTokenSeconds,
      AuthorizationCode: 60,
      Grant: 3600,
      IdToken: 600,
      Interaction: 600,
      RefreshToken: 3600,
      Session: 3600,
    },
  };
}

/** Cookies of one origin, as a browser keeps them. */
class CookieJar {
  readonly #cookies = new Map<string, string>();

  take(response: Response): void {
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';');
      const equals = pair.indexOf('=');
      const [name, value] = [pair.slice(0, equals), pair.slice(equals + 1)];
      if (value === '' || /expires=Thu, 01 Jan 1970/i.test(line)) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
  }

  header(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }
}

const redirectsMax = 20;

async function follow(authorizationUrl: string, origin: string): Promise<URL> {
  const jar = new CookieJar();
  let url = new URL(authorizationUrl);
  for (let step = 0; step < redirectsMax; step += 1) {
    if (url.origin !== origin) return url;
    const response = await fetch(url, { redirect: 'manual', headers: { cookie: jar.header() } });
    jar.take(response);
    const location = response.headers.get('location');
    if (location === null) throw new Error(`${response.status} ${await response.text()}`);
    url = new URL(location, url);
  }
  throw new Error('The provider redirects without an end.');
}

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Starts a provider on a free port. */
export async function startOidcProvider(options: OidcProviderOptions = {}): Promise<OidcProvider> {
  const store = new OidcProviderStore();
  const people = new Map<string, ProviderPerson>();
  const requests: string[] = [];
  let keys = [await newKey('key-1')];
  let keysMade = 1;
  let provider: Provider | undefined;
  let handle: ((request: IncomingMessage, response: ServerResponse) => unknown) | undefined;
  let person: ProviderPerson = { sub: 'nobody' };
  let outage: number | undefined;

  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    requests.push(pathname);
    if (outage !== undefined || provider === undefined) {
      response.writeHead(outage ?? 503).end('out of order');
      return;
    }
    if (!pathname.startsWith(interactionPath)) {
      handle?.(request, response);
      return;
    }
    interact(provider, person, request, response).catch((error: unknown) => {
      response.writeHead(500).end(String(error));
    });
  });
  const issuerUrl = await listen(server);

  /** A provider reads its keys once: other keys are another one, over the same store. */
  function rebuild(): void {
    provider = new Provider(
      issuerUrl,
      configuration(options, keys, store, (sub) => people.get(sub)),
    );
    handle = provider.callback();
  }
  rebuild();

  return {
    issuerUrl,
    requests,
    get person() {
      return person;
    },
    set person(next) {
      person = next;
      people.set(next.sub, next);
    },
    get outage() {
      return outage;
    },
    set outage(status) {
      outage = status;
    },
    keyIds: () => keys.map(({ kid }) => kid ?? ''),
    publishKey: async () => {
      keysMade += 1;
      const kid = `key-${keysMade}`;
      keys = [...keys, await newKey(kid)];
      rebuild();
      return kid;
    },
    signWithNewest: () => {
      const newest = keys.at(-1);
      keys = [...(newest ? [newest] : []), ...keys.slice(0, -1)];
      rebuild();
    },
    dropOldKeys: () => {
      keys = keys.slice(0, 1);
      rebuild();
    },
    authorize: (url) => follow(url, issuerUrl),
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
