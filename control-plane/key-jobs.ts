import { advanceSigningKeys, signingKeyRetentionMs } from './identity/signing-key-rotation.ts';
import { advanceSealKeys } from './registry/seal-keys.ts';
import type { MasterKeyRing } from './store/master-key-ring.ts';
import type { Job } from './worker/job.ts';

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
