import { milliseconds } from '../common/setting-types.ts';
import { advanceSigningKeys, signingKeyRetentionMs } from './identity/signing-key-rotation.ts';
import { advanceSealKeys } from './registry/seal-keys.ts';
import type { MasterKeyRing } from './store/master-key-ring.ts';
import type { Job } from './worker/job.ts';

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

interface KeySettings {
  readonly sealKeyRotationIntervalMs: number;
  readonly sealKeyRetentionMs: number;
  readonly signingKeyRotationIntervalMs: number;
  readonly keyActivationDelayMs: number;
}

/** Keys are looked at each minute, so that one that somebody asked for isn't late. */
const intervalMs = 60_000;

/** The jobs that replace keys. */
export function keyJobs(
  settings: KeySettings,
  masterKeys: MasterKeyRing,
  nowMs: () => number,
): readonly Job[] {
  const { keyActivationDelayMs: activationDelayMs } = settings;
  const sealKeys = {
    rotationIntervalMs: settings.sealKeyRotationIntervalMs,
    retentionMs: settings.sealKeyRetentionMs,
    activationDelayMs,
  };
  const signingKeys = {
    rotationIntervalMs: settings.signingKeyRotationIntervalMs,
    retentionMs: signingKeyRetentionMs,
    activationDelayMs,
  };
  return [
    {
      name: 'seal-keys',
      intervalMs,
      run: async (em, again) => {
        const rotation = { masterKeys, schedule: sealKeys, nowMs: nowMs() };
        if (await advanceSealKeys(em, rotation)) again();
      },
    },
    {
      name: 'signing-keys',
      intervalMs,
      run: async (em, again) => {
        const rotation = { masterKeys, schedule: signingKeys, nowMs: nowMs() };
        if (await advanceSigningKeys(em, rotation)) again();
      },
    },
  ];
}
