import type { Outcome, Violation } from './violation.ts';

/** Thrown inside a transaction: takes back what it has written, and is answered with the violations. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly violations: readonly Violation[];

  constructor(violations: readonly Violation[]) {
    super('A change is refused after it was written.');
    this.violations = violations;
  }
}

/** Runs a transaction that may be refused at its end. */
export async function orRefused<T>(write: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
  try {
    return await write();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { ok: false, violations: error.violations };
  }
}
