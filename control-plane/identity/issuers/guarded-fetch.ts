import type { lookup } from 'node:dns';
import { Agent, request } from 'undici';
import { guardedConnector } from '../../../common/guarded-connector.ts';
import { unreachableReason } from '../../../common/unreachable-reason.ts';
import { type IssuerAddressRules, urlDefect } from './issuer-url.ts';

/** What is asked of an issuer. */
export interface GuardedRequest {
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What an issuer answered, whole. */
export interface GuardedReply {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly text: string;
}

/** Why there is no answer, in words that the organization's administrators may read. */
export class GuardedFetchError extends Error {
  override readonly name = 'GuardedFetchError';
}

/** Calls URLs that an organization named. */
export interface GuardedFetch {
  /** @throws {GuardedFetchError} */
  fetch(url: string, request?: GuardedRequest): Promise<GuardedReply>;
  close(): Promise<void>;
}

export interface GuardedFetchOptions {
  readonly rules: IssuerAddressRules;
  /** Largest answer; default 256 KB. */
  readonly bytesMax?: number;
  /** For an answer as a whole; default 10 seconds. */
  readonly timeoutMs?: number;
  /** What asks the resolver; undefined: the system's. */
  readonly resolve?: typeof lookup;
}

const kilobyte = 1024;

/**
 * Makes what calls issuers: to allowed addresses alone, checked when it connects; without redirects, which
 * would lead elsewhere; within a time and a size.
 */
export function createGuardedFetch(options: GuardedFetchOptions): GuardedFetch {
  const bytesMax = options.bytesMax ?? 256 * kilobyte;
  const timeoutMs = options.timeoutMs ?? 10_000;
  const agent = new Agent({
    connect: guardedConnector({
      privateAddressesAllowed: options.rules.privateAddressesAllowed,
      timeoutMs,
      ...(options.resolve !== undefined && { resolve: options.resolve }),
    }),
    connections: 4,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    keepAliveTimeout: 1000,
    maxHeaderSize: 16 * kilobyte,
    maxResponseSize: bytesMax,
  });

  async function send(url: string, sent: GuardedRequest): Promise<GuardedReply> {
    const reply = await request(url, {
      dispatcher: agent,
      method: sent.method ?? 'GET',
      // Uncompressed, so that the bound on bytes is one on memory.
      headers: { accept: 'application/json', 'accept-encoding': 'identity', ...sent.headers },
      ...(sent.body !== undefined && { body: sent.body }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    const headers = Object.entries(reply.headers).map(([name, value]): [string, string] => [
      name,
      String(value),
    ]);
    return {
      status: reply.statusCode,
      headers: new Map(headers),
      text: await reply.body.text(),
    };
  }

  return {
    async fetch(url, sent = {}) {
      const defect = urlDefect(url, options.rules);
      if (defect === 'address') throw new GuardedFetchError('its address is not allowed here');
      if (defect !== undefined) throw new GuardedFetchError('its URL is not allowed here');
      const reply = await send(url, sent).catch((error: unknown) => {
        throw new GuardedFetchError(unreachableReason(error), { cause: error });
      });
      if (reply.status >= 300 && reply.status < 400 && reply.status !== 304) {
        throw new GuardedFetchError('it redirects elsewhere, which is not followed');
      }
      return reply;
    },
    close: () => agent.destroy(),
  };
}
