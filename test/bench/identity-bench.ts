import { newCredential } from '../../common/credential.ts';
import { TokenIdentifier } from '../../data-plane/identity/token-identifier.ts';
import { tokenDefaults } from '../../data-plane/identity/token-options.ts';
import type { Accepted } from '../../data-plane/pipeline/accept.ts';
import type { CallFacts } from '../../data-plane/pipeline/call-facts.ts';
import { type Identified, identify } from '../../data-plane/pipeline/identify.ts';
import { isLocalReply, type LocalReply } from '../../data-plane/pipeline/local-reply.ts';
import { PublicBase } from '../../data-plane/pipeline/public-base.ts';
import { readRequestHeaders } from '../../data-plane/pipeline/request-headers.ts';
import { checkResource, receivedResource } from '../../data-plane/snapshot/held-resource.ts';
import { ResourceState } from '../../data-plane/snapshot/resource-state.ts';
import type { Resource } from '../../proto/gen/mcpgw/discovery/v1/Resource.ts';
import {
  apiKey,
  organization,
  revocation,
  sealKeyRing,
} from '../support/control-plane-double-resources.ts';
import { issuerResource, TokenSigner } from '../support/token-issuer.ts';
import { median } from './quantile.ts';

export interface IdentityBenchPlan {
  /** Calls in one round, by as many callers as `callers` says. */
  readonly calls: number;
  readonly rounds: number;
  readonly callers: number;
}

/** CPU time of the stage that tells who calls, in microseconds a call: others on the machine don't count. */
export interface IdentityFigures {
  readonly tokenCharacters: number;
  readonly knownTokenUs: number;
  readonly apiKeyUs: number;
  /** A token that is new here; its signature is checked on other threads, which count. */
  readonly newTokenUs: number;
}

const resource = 'https://gateway.example/acme/files/mcp';
const issuer = 'https://login.example';
/** Revocations that stand at the same time: sessions that ended within the last minutes. */
const revocations = 200;

/** An organization's caller as many providers describe one: a token of about 1 KB, signed with RS256. */
function claimsOf(caller: number): object {
  const seconds = Math.floor(Date.now() / 1000);
  return {
    iss: issuer,
    sub: `auth0|64f0c0ffee${caller}`,
    aud: [resource, 'https://login.example/userinfo'],
    azp: 'o2hC1ientIdent1fier',
    iat: seconds,
    exp: seconds + 3600,
    jti: crypto.randomUUID(),
    scope: 'openid profile email mcp:files',
    groups: ['everyone', 'engineering', 'staff', 'on-call'],
  };
}

/** A node's state with one organization, its callers, and revocations of others. */
class IdentityBench {
  readonly #editor = ResourceState.empty().edit();
  readonly #base = new PublicBase(new URL('https://gateway.example'));

  constructor() {
    this.#put(sealKeyRing());
    this.#put(organization('acme'));
    for (let n = 0; n < revocations; n += 1) this.#put(revocation(`r${n}`, 'acme', `user:r${n}`));
  }

  keys(count: number): string[] {
    return Array.from({ length: count }, (_, n) => {
      const { id, hash, text } = newCredential('apiKey');
      const scopes = ['mcp:files'];
      this.#put(apiKey(id, 'acme', { secretHash: hash, subject: `user:${n}`, scopes }));
      return text;
    });
  }

  async tokens(count: number): Promise<string[]> {
    const signer = await TokenSigner.create('RS256', 'login-key');
    const roles = { roleClaim: ['groups'], roleMappings: [{ value: 'staff', role: 'developer' }] };
    this.#put(issuerResource('login', 'acme', { issuer, jwks: signer.jwks, ...roles }));
    this.#put(issuerResource('platform', '', { issuer: 'mcp-gateway' }));
    return Promise.all(
      Array.from({ length: count }, (_, n) => signer.sign({ claims: claimsOf(n) })),
    );
  }

  /** What makes requests. Their header is a string of their own each, as one that comes over a socket. */
  finish(): (credentials: readonly string[], count: number) => Accepted[] {
    const { snapshot } = this.#editor.finish('epoch', 1);
    if (snapshot === undefined) throw new Error('nothing to serve from');
    const shared = {
      kind: 'accepted' as const,
      exchange: {} as Accepted['exchange'],
      snapshot,
      method: 'POST' as const,
      publicBase: this.#base,
      organization: snapshot.organization('acme'),
      organizationSlug: 'acme',
      serverSlug: 'files',
    };
    return (credentials, count) =>
      Array.from({ length: count }, (_, n) => {
        const text = `Bearer ${credentials[n % credentials.length]}`;
        const authorization = Buffer.from(text, 'latin1').toString('latin1');
        const headers = readRequestHeaders(['Authorization', authorization]);
        return { ...shared, facts: {} as CallFacts, headers };
      });
  }

  #put(resource: Resource): void {
    this.#editor.put(checkResource(receivedResource(resource)));
  }
}

function expectKnown(outcome: Identified | LocalReply | Promise<unknown>): void {
  if (outcome instanceof Promise || isLocalReply(outcome)) throw new Error('not known at once');
}

function cpuUs(requests: readonly Accepted[], tokens: TokenIdentifier): number {
  const nowMs = Date.now();
  const begin = process.cpuUsage();
  for (const request of requests) expectKnown(identify(request, tokens, nowMs));
  const { user, system } = process.cpuUsage(begin);
  return (user + system) / requests.length;
}

async function newTokenUs(
  requests: readonly Accepted[],
  verificationsWaitingMax: number,
): Promise<number> {
  const tokens = new TokenIdentifier({ ...tokenDefaults, verificationsWaitingMax });
  const before = process.cpuUsage();
  const outcomes = await Promise.all(
    requests.map((request) => identify(request, tokens, Date.now())),
  );
  const { user, system } = process.cpuUsage(before);
  for (const outcome of outcomes) expectKnown(outcome);
  return (user + system) / requests.length;
}

/** Measures what telling who calls costs: by a token that was verified before, by a key, by a new token. */
export async function runIdentityBench(plan: IdentityBenchPlan): Promise<IdentityFigures> {
  const { calls, rounds, callers } = plan;
  const bench = new IdentityBench();
  const texts = await bench.tokens(callers);
  const keys = bench.keys(callers);
  const requests = bench.finish();
  const tokens = new TokenIdentifier(tokenDefaults);
  for (const request of requests(texts, callers)) await identify(request, tokens, Date.now());
  const known: number[] = [];
  const byKey: number[] = [];
  const fresh: number[] = [];
  // The first rounds are for Node's compiler.
  for (let round = -3; round < rounds; round += 1) {
    const figures = [
      cpuUs(requests(texts, calls), tokens),
      cpuUs(requests(keys, calls), tokens),
      await newTokenUs(requests(texts, callers), callers),
    ] as const;
    if (round < 0) continue;
    known.push(figures[0]);
    byKey.push(figures[1]);
    fresh.push(figures[2]);
  }
  return {
    tokenCharacters: texts[0]?.length ?? 0,
    knownTokenUs: median(known),
    apiKeyUs: median(byKey),
    newTokenUs: median(fresh),
  };
}

/** The figures as lines for a terminal. */
export function identityLines(figures: IdentityFigures): string[] {
  const us = (value: number) => `${value.toFixed(2).padStart(8)} µs`;
  return [
    `  access token of ${figures.tokenCharacters} characters, verified before  ${us(figures.knownTokenUs)}`,
    `  API key                                           ${us(figures.apiKeyUs)}`,
    `  access token that is new (all threads)            ${us(figures.newTokenUs)}`,
  ];
}
