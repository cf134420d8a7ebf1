import type { TokenOptions } from './token-identifier.ts';

/** Safe for a node that some thousands of callers use at a time. */
export const tokenDefaults: TokenOptions = {
  cache: { tokensMax: 10_000, bytesMax: 32 * 1024 * 1024 },
  verification: { runningMax: 16, waitingMax: 1_000 },
  clockSkewMs: 30_000,
};
