import {
  type UpstreamOptions,
  upstreamDefaults,
} from '../../data-plane/upstream/upstream-options.ts';

/** The defaults, for upstreams of tests: they stand on loopback. */
export const loopbackUpstreams: UpstreamOptions = {
  ...upstreamDefaults,
  privateAddressesAllowed: true,
};
