import type { LoadTarget } from './load.ts';

/** One way to the upstream, under load. */
export interface BenchSubject {
  readonly name: 'direct' | 'nginx' | 'node';
  readonly target: LoadTarget;
  /** Processes whose CPU time counts; none for a direct connection. */
  pids(): readonly number[];
}
