import type { lookup } from 'node:dns';
import { buildConnector } from 'undici';
import { AddressNotAllowedError, publicLookup } from './public-lookup.ts';
import { isSpecialHost } from './special-address.ts';

export interface GuardedConnectorOptions {
  /** Whether connections may lead to loopback, private and other special addresses. */
  readonly privateAddressesAllowed: boolean;
  /** Until TCP and TLS stand, in milliseconds. */
  readonly timeoutMs: number;
  /** Authorities, in PEM, that certificates may come from; undefined: the well-known ones. */
  readonly ca?: readonly string[];
  /** What asks the resolver; undefined: the system's. */
  readonly resolve?: typeof lookup;
}

/**
 * What opens connections to hosts that somebody named: to allowed addresses alone. What a name resolves to
 * is checked as it is connected to, so that it can't be another address by then.
 */
export function guardedConnector(options: GuardedConnectorOptions): buildConnector.connector {
  const { privateAddressesAllowed, timeoutMs: timeout, ca, resolve } = options;
  const lookedUp = privateAddressesAllowed ? {} : { lookup: publicLookup(resolve) };
  const trust = ca === undefined ? {} : { ca: [...ca] };
  const connect = buildConnector({ timeout, allowH2: false, ...trust, ...lookedUp });
  return (target, callback) => {
    // An address in the URL itself is never looked up.
    if (!privateAddressesAllowed && isSpecialHost(target.hostname)) {
      queueMicrotask(() => callback(new AddressNotAllowedError(target.hostname), null));
      return;
    }
    connect(target, callback);
  };
}
