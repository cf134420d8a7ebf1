import type { TokenOptions } from './token-identifier.ts';

/** Safe for a node that some thousands of callers use at a time. */
export const tokenDefaults: TokenOptions = {
  cacheTokensMax: 10_000,
  cacheBytesMax: 64 * 1024 * 1024,
  verificationsMax: 16,
  verificationsWaitingMax: 1_000,
  clockSkewMs: 30_000,
};
