import { RE2JS } from '@bufbuild/re2';
import { BoundedCache } from './bounded-cache.ts';
import { ConditionValueError } from './condition-value-error.ts';

/** Most characters of a pattern. */
const patternCharsMax = 500;
/** Most instructions of a compiled pattern. */
const patternInstructionsMax = 1000;
/** Patterns that are kept compiled. */
const patternsMax = 2048;
/** States that a pattern's automaton may have before it is walked without one: each holds about 2 KB. */
const automatonStatesMax = 128;
/** Characters after which an automaton is made anew, since it remembers what it has read. */
const charactersUntilRenewal = 50_000;

/** A pattern that can't be used. */
export class PatternError extends Error {
  override readonly name = 'PatternError';
}

/**
 * A regular expression (RE2 syntax: no back references, no look-around). Matching takes time in the product
 * of the text's length and `instructions` at most, whatever both are.
 */
export interface BoundedPattern {
  readonly instructions: number;
  /** True when any part of the text matches. */
  test(text: string): boolean;
}

class CompiledPattern implements BoundedPattern {
  readonly instructions: number;
  readonly #source: string;
  #compiled: RE2JS;
  #charactersRead = 0;

  constructor(source: string) {
    this.#source = source;
    this.#compiled = compile(source);
    this.instructions = this.#compiled.re2().prog.inst.length;
    if (this.instructions > patternInstructionsMax) {
      throw new PatternError('the pattern repeats too much');
    }
  }

  test(text: string): boolean {
    this.#charactersRead += text.length;
    if (this.#charactersRead > charactersUntilRenewal) {
      this.#compiled = compile(this.#source);
      this.#charactersRead = 0;
    }
    return this.#compiled.test(text);
  }
}

function compile(source: string): RE2JS {
  const compiled = compileOrExplain(source);
  compiled.re2().dfa.stateLimit = automatonStatesMax;
  return compiled;
}

function compileOrExplain(source: string): RE2JS {
  if (source.length > patternCharsMax) {
    throw new PatternError(`the pattern has more than ${patternCharsMax} characters`);
  }
  try {
    return RE2JS.compile(source);
  } catch (error) {
    const said = error instanceof Error ? error.message : '';
    throw new PatternError(`${said.replace(/^error parsing regexp: /, '')} in the pattern`);
  }
}

const patterns = new BoundedCache(patternsMax, (source) => new CompiledPattern(source));

/** Compiles a pattern. Throws `PatternError`, whose message quotes it. */
export function boundedPattern(source: string): BoundedPattern {
  return patterns.get(source);
}

/** The same for a pattern that may come from a call. Throws `ConditionValueError`. */
export function boundedPatternOfCall(source: string): BoundedPattern {
  try {
    return patterns.get(source);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw new ConditionValueError('the pattern is not a regular expression');
  }
}
