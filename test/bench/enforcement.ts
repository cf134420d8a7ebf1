import { setTimeout as pause } from 'node:timers/promises';
import { quantile } from './quantile.ts';

/** Something that an agent calls and an admin can forbid. */
export interface EnforcementSubject {
  /** Makes one call; whether it was allowed. Rejects on any other outcome than allowed or refused. */
  call(): Promise<boolean>;
  /** Forbids the call; resolves with the mutation's response. */
  forbid(): Promise<void>;
  /** Allows it again; resolves with the mutation's response. */
  permit(): Promise<void>;
}

export interface EnforcementPlan {
  readonly samples: number;
  /** Callers, each with one call at a time; they begin in turn, so that a call begins often enough. */
  readonly callers: number;
  /** Least time from one call of a caller to its next, in milliseconds: the probe must not be the load. */
  readonly callIntervalMs: number;
  /** Refused calls in a row, after which a change counts as obeyed. */
  readonly settledCalls: number;
  /** Bound on one sample, in milliseconds. */
  readonly sampleTimeoutMs: number;
}

export interface EnforcementFigures {
  readonly samples: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** A finished call: when it began, by `performance.now()`, and how it was decided. */
interface DecidedCall {
  readonly startedAt: number;
  readonly allowed: boolean;
}

/** Measures, again and again, the time from a mutation's response to the first call that obeys it. */
export async function runEnforcement(
  subject: EnforcementSubject,
  plan: EnforcementPlan,
): Promise<EnforcementFigures> {
  const delaysMs: number[] = [];
  for (let sample = 0; sample < plan.samples; sample += 1) {
    delaysMs.push(await measureOnce(subject, plan));
    await subject.permit();
    await untilSettled(subject, true, plan);
  }
  delaysMs.sort((a, b) => a - b);
  return {
    samples: plan.samples,
    p50Ms: quantile(delaysMs, 0.5),
    p99Ms: quantile(delaysMs, 0.99),
    maxMs: quantile(delaysMs, 1),
  };
}

async function measureOnce(subject: EnforcementSubject, plan: EnforcementPlan): Promise<number> {
  await untilSettled(subject, true, plan);
  const settled = untilSettled(subject, false, plan);
  // A failure of the callers must not wait for the mutation to be seen.
  const [respondedAt, calls] = await Promise.all([
    subject.forbid().then(() => performance.now()),
    settled,
  ]);
  return enforcementDelayMs(calls, respondedAt);
}

/**
 * Time from the response to the start of the first call that was refused and after which none was allowed
 * any more; 0 when that call began before the response came.
 */
export function enforcementDelayMs(calls: readonly DecidedCall[], respondedAt: number): number {
  const lastAllowed = Math.max(
    ...calls.filter(({ allowed }) => allowed).map(({ startedAt }) => startedAt),
    Number.NEGATIVE_INFINITY,
  );
  const obeying = calls
    .filter(({ allowed, startedAt }) => !allowed && startedAt > lastAllowed)
    .map(({ startedAt }) => startedAt);
  if (obeying.length === 0) throw new Error('No call obeyed the change.');
  return Math.max(0, Math.min(...obeying) - respondedAt);
}

/** Calls until `settledCalls` in a row came out as wanted; returns all calls. */
async function untilSettled(
  subject: EnforcementSubject,
  wanted: boolean,
  plan: EnforcementPlan,
): Promise<DecidedCall[]> {
  const calls: DecidedCall[] = [];
  const deadline = performance.now() + plan.sampleTimeoutMs;
  let inRow = 0;
  const caller = async (_: unknown, index: number) => {
    await pause((plan.callIntervalMs * index) / plan.callers);
    while (inRow < plan.settledCalls) {
      const startedAt = performance.now();
      if (startedAt > deadline) {
        throw new Error(
          `Calls are not ${wanted ? 'allowed' : 'refused'} in ${plan.sampleTimeoutMs} ms.`,
        );
      }
      const allowed = await subject.call();
      calls.push({ startedAt, allowed });
      inRow = allowed === wanted ? inRow + 1 : 0;
      const leftMs = startedAt + plan.callIntervalMs - performance.now();
      // A timer takes a millisecond at least, so that a call that took long is followed at once.
      if (leftMs > 0) await pause(leftMs);
    }
  };
  await Promise.all(Array.from({ length: plan.callers }, caller));
  return calls;
}
