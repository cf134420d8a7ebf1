import type { IssuerMetadata, PublicKeySet } from '../../store/entities/issuer.ts';
import { type GuardedFetch, GuardedFetchError } from './guarded-fetch.ts';
import { discoverIssuer } from './issuer-metadata.ts';
import type { IssuerAddressRules } from './issuer-url.ts';
import { type PublicKey, readPublicKeys } from './public-keys.ts';

/** An issuer that is to be asked, with what it answered last. */
export interface IssuerToFetch {
  readonly organizationId: string;
  readonly id: string;
  readonly issuerUrl: string;
  readonly jwks: PublicKeySet | null;
  readonly jwksUrl: string | null;
  readonly jwksEtag: string | null;
  readonly jwksLastModified: string | null;
}

/** What an issuer says now; `keys` undefined: the same as before. */
export interface FetchedIssuer {
  readonly metadata: IssuerMetadata;
  readonly jwksUrl: string;
  readonly keys: readonly PublicKey[] | undefined;
  readonly etag: string | null;
  readonly lastModified: string | null;
}

export type FetchOutcome =
  | { readonly ok: true; readonly fetched: FetchedIssuer }
  | { readonly ok: false; readonly error: string };

export interface IssuerFetchDependencies {
  readonly guarded: GuardedFetch;
  readonly rules: IssuerAddressRules;
}

const validatorLengthMax = { etag: 400, lastModified: 100 };

function validator(text: string | undefined, lengthMax: number): string | null {
  const isKept = text !== undefined && text.length <= lengthMax && /^[\x20-\x7e]+$/.test(text);
  return isKept ? text : null;
}

async function fetchKeys(
  guarded: GuardedFetch,
  issuer: IssuerToFetch,
  jwksUrl: string,
): Promise<Pick<FetchedIssuer, 'keys' | 'etag' | 'lastModified'>> {
  const { jwksEtag: etag, jwksLastModified: lastModified } = issuer;
  const known = issuer.jwks !== null && issuer.jwksUrl === jwksUrl;
  const reply = await guarded.fetch(jwksUrl, {
    headers: {
      accept: 'application/jwk-set+json, application/json',
      ...(known && etag !== null && { 'if-none-match': etag }),
      ...(known && etag === null && lastModified !== null && { 'if-modified-since': lastModified }),
    },
  });
  if (reply.status === 304 && known) return { keys: undefined, etag, lastModified };
  if (reply.status !== 200) {
    throw new GuardedFetchError(`its key set is answered by status ${reply.status}`);
  }
  const read = readPublicKeys(reply.text);
  if (!read.ok) throw new GuardedFetchError(read.problem);
  return {
    keys: read.keys,
    etag: validator(reply.headers.get('etag'), validatorLengthMax.etag),
    lastModified: validator(reply.headers.get('last-modified'), validatorLengthMax.lastModified),
  };
}

/** Asks an issuer for its metadata and its keys. Never throws for what the issuer does. */
export async function fetchIssuer(
  issuer: IssuerToFetch,
  { guarded, rules }: IssuerFetchDependencies,
): Promise<FetchOutcome> {
  try {
    const { jwksUrl, metadata } = await discoverIssuer(issuer.issuerUrl, guarded, rules);
    const answer = await fetchKeys(guarded, issuer, jwksUrl);
    return { ok: true, fetched: { metadata, jwksUrl, ...answer } };
  } catch (error) {
    if (!(error instanceof GuardedFetchError)) throw error;
    return { ok: false, error: `The issuer failed: ${error.message}.` };
  }
}
