import type { IncomingMessage } from 'node:http';
import { BlockList, isIPv4, isIPv6 } from 'node:net';

/** Addresses looked at in one X-Forwarded-For; more proxies stand in front of nobody. */
const hopsMax = 32;

function addNetwork(networks: BlockList, text: string): void {
  const [address = '', prefixText, ...rest] = text.split('/');
  const family = isIPv4(address) ? 'ipv4' : isIPv6(address) ? 'ipv6' : undefined;
  const bits = family === 'ipv4' ? 32 : 128;
  const prefix = prefixText === undefined ? bits : Number(prefixText);
  const isPrefix = prefixText === undefined || (/^\d{1,3}$/.test(prefixText) && prefix <= bits);
  if (family === undefined || rest.length > 0 || !isPrefix) {
    throw new RangeError(`A trusted proxy is an address or a network, not ${text}.`);
  }
  networks.addSubnet(address, prefix, family);
}

function trusts(networks: BlockList, address: string): boolean {
  if (isIPv4(address)) return networks.check(address, 'ipv4');
  return isIPv6(address) && networks.check(address, 'ipv6');
}

/** Says where a request comes from. */
export type ClientAddress = (request: Pick<IncomingMessage, 'socket' | 'headers'>) => string;

/**
 * Makes the one function that says where a request comes from, over HTTP and at the upgrade to a WebSocket:
 * the peer, or, as long as that is a trusted proxy, the address which that proxy saw. So it is the last of
 * X-Forwarded-For that no trusted proxy has: what stands before it, the client may have written itself.
 *
 * @param trustedProxies IPv4 and IPv6 addresses or networks (`10.0.0.0/8`).
 * @throws {RangeError} for an entry that is neither.
 */
export function createClientAddress(trustedProxies: readonly string[]): ClientAddress {
  const networks = new BlockList();
  for (const text of trustedProxies) addNetwork(networks, text);
  return ({ socket, headers }) => {
    let address = socket.remoteAddress ?? '';
    const { 'x-forwarded-for': forwarded = '' } = headers;
    if (!trusts(networks, address)) return address;
    const hops = [forwarded].flat().join(',').split(',').slice(-hopsMax);
    for (const hop of hops.reverse()) {
      const seen = hop.trim();
      // A proxy that says nothing usable is the last that is known.
      if (!isIPv4(seen) && !isIPv6(seen)) return address;
      address = seen;
      if (!trusts(networks, address)) return address;
    }
    return address;
  };
}
