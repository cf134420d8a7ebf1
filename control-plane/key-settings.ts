import { milliseconds } from '../common/setting-types.ts';

const hourMs = 60 * 60 * 1000;
const dayMs = 24 * hourMs;
const yearMs = 365 * dayMs;

/** When keys are replaced, and how often the worker looks. */
export const keySettings = {
  jobIntervalMs: milliseconds(100, dayMs)
    .default(10 * 60 * 1000)
    .describe('Longest time between two runs of a background job.'),
  sealKeyRotationIntervalMs: milliseconds(0, yearMs)
    .default(30 * dayMs)
    .describe('After how long the key that seals sessions is replaced; 0: only when asked.'),
  sealKeyRetentionMs: milliseconds(0, yearMs)
    .default(30 * dayMs)
    .describe('How long a replaced seal key opens sessions; those that are older end.'),
  signingKeyRotationIntervalMs: milliseconds(0, yearMs)
    .default(90 * dayMs)
    .describe('After how long the key that signs access tokens is replaced; 0: only when asked.'),
  keyActivationDelayMs: milliseconds(0, 30 * dayMs)
    .default(hourMs)
    .describe(
      'How long a new key is published before it is used: nodes that are away, and caches of `/.well-known/jwks.json` (5 minutes), have it by then.',
    ),
};
