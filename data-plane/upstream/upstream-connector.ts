import type { lookup } from 'node:dns';
import type { OnReadOpts, Socket } from 'node:net';
import { getCACertificates } from 'node:tls';
import { buildConnector } from 'undici';
import { AddressNotAllowedError, publicLookup } from '../../common/public-lookup.ts';
import { isSpecialHost } from '../../common/special-address.ts';
import type { UpstreamMetrics } from './upstream-metrics.ts';
import type { UpstreamOptions } from './upstream-options.ts';

interface ConnectorOptions {
  readonly bounds: UpstreamOptions;
  readonly metrics: UpstreamMetrics;
  /** What asks the resolver; undefined: the system's. */
  readonly resolve?: typeof lookup;
}

/** What opens connections to upstreams: trusted, counted, and to addresses that are allowed. */
export function upstreamConnector(
  { bounds, metrics, resolve }: ConnectorOptions,
  timeout: number,
): buildConnector.connector {
  const { extraCa, privateAddressesAllowed } = bounds;
  const trust = extraCa.length === 0 ? {} : { ca: [...getCACertificates('default'), ...extraCa] };
  const addresses = privateAddressesAllowed ? {} : { lookup: publicLookup(resolve) };
  const common = { timeout, allowH2: false, highWaterMark: readAheadBytes, ...addresses };
  const plain = buildConnector({ ...common, onread: smallReads() });
  // A TLS record has 16 KB at most, and so has a read of it.
  const secure = buildConnector({ ...common, ...trust });
  return (options, callback) => {
    const { hostname, protocol } = options;
    // An address in the URL itself is never looked up.
    if (!privateAddressesAllowed && isSpecialHost(hostname)) {
      metrics.connected(false);
      queueMicrotask(() => callback(new AddressNotAllowedError(hostname), null));
      return;
    }
    const connect = protocol === 'https:' ? secure : plain;
    connect(options, (...result) => {
      metrics.connected(result[0] === null);
      callback(...result);
    });
  };
}

/** What a paused connection may hold, and what is taken from the kernel at once. */
const readAheadBytes = 8_192;

/**
 * Reads of 8 KB instead of Node's 64 KB, so that a thousand slow callers hold an eighth of the memory.
 * One buffer serves all connections: it is read and copied from within the same turn. The copy has memory
 * of its own: in Node's pool, a small piece that waits for its caller would keep 64 KB of others alive.
 */
function smallReads(): OnReadOpts {
  return {
    buffer: Buffer.allocUnsafeSlow(readAheadBytes),
    callback(this: Socket, bytes, buffer) {
      const own = Buffer.allocUnsafeSlow(bytes);
      own.set(buffer.subarray(0, bytes));
      return this.push(own);
    },
  };
}
