import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { isSpecialAddress } from './special-address.ts';

/** Why no connection is made: whoever may name a URL could else have the gateway call what trusts it. */
export class AddressNotAllowedError extends Error {
  readonly code = 'ERR_ADDRESS_NOT_ALLOWED';

  constructor(host: string) {
    super(`${host} is at a private, loopback or other special address, which is not allowed here`);
    this.name = 'AddressNotAllowedError';
  }
}

/**
 * Resolves names to addresses on the public Internet alone. A socket connects to what it is given here
 * and asks no second time, so that a name can't resolve otherwise between the check and its use.
 *
 * @param resolve what asks the resolver.
 */
export function publicLookup(resolve: typeof lookup = lookup): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) {
        callback(error, '');
        return;
      }
      const allowed = addresses.filter(({ address }) => !isSpecialAddress(address));
      const [first] = allowed;
      if (first === undefined) callback(new AddressNotAllowedError(hostname), '');
      else if (options.all === true) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  };
}
