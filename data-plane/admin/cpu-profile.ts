import type { Profiler } from 'node:inspector';
import { Session } from 'node:inspector/promises';

/** Takes a CPU profile for at most `ms`; `signal` ends it early, with what there is by then. */
export async function takeCpuProfile(ms: number, signal: AbortSignal): Promise<Profiler.Profile> {
  const session = new Session();
  session.connect();
  try {
    await session.post('Profiler.enable');
    await session.post('Profiler.start');
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      const end = (): void => {
        clearTimeout(timer);
        resolve();
      };
      if (signal.aborted) end();
      signal.addEventListener('abort', end, { once: true });
    });
    return (await session.post('Profiler.stop')).profile;
  } finally {
    session.disconnect();
  }
}
