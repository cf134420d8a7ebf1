import { ConditionValueError } from './condition-value-error.ts';

/**
 * What one evaluation may cost, in units of 0.1 to 0.5 µs: an operation, or 64 characters that are read. One
 * loop over the longest list of arguments fits; loops in loops over long lists don't.
 */
const evaluationUnitsMax = 100_000;

/** Why an evaluation that cost more than it may is failed. */
export const tooCostly = 'it takes too long on this call';

/**
 * Counts what the evaluation that runs costs. Evaluations don't overlap: they neither wait nor begin one
 * another.
 */
export class EvaluationMeter {
  #left = 0;

  /** Begins an evaluation. */
  start(): void {
    this.#left = evaluationUnitsMax;
  }

  /** Throws once more was charged than an evaluation may cost, and from then on each time. */
  charge(units: number): void {
    this.#left -= units;
    if (this.#left < 0) throw new ConditionValueError(tooCostly);
  }

  /** Charges for text that is read or made. */
  chargeText(characters: number): void {
    if (characters >= 64) this.charge(characters >>> 6);
  }

  /** True when the evaluation cost more than it may, whatever came of it: `||` may have hidden that. */
  get exhausted(): boolean {
    return this.#left < 0;
  }
}
