import {
  type CelError,
  type CelInput,
  type CelResult,
  celError,
  celType,
  isCelError,
  plan,
} from '@bufbuild/cel';
import { BoundedCache } from './bounded-cache.ts';
import { conditionEnvironment } from './cel-environment.ts';
import type {
  Condition,
  ConditionBindings,
  ConditionOutcome,
  ConditionVariable,
} from './condition.ts';
import { describeFailure, failureReason } from './condition-failure.ts';
import { readVariables } from './condition-names.ts';
import { checkPatterns } from './condition-patterns.ts';
import { parseCondition } from './condition-syntax.ts';
import { ConditionValueError } from './condition-value-error.ts';
import { EvaluationMeter, tooCostly } from './evaluation-meter.ts';
import { meterLoops } from './metered-loops.ts';

/** Compiled conditions that are kept for equal sources. */
const compiledMax = 20_000;

/** Failures that a condition remembers. */
const failuresMax = 16;

const meter = new EvaluationMeter();
const environment = conditionEnvironment(meter);
const compiled = new BoundedCache(compiledMax, compile);

const isTrue: ConditionOutcome = { kind: 'true' };
const isFalse: ConditionOutcome = { kind: 'false' };

/** What has no condition holds always. */
const always: Condition = { source: '', reads: new Set(), evaluate: () => isTrue };

/**
 * Compiles a condition; an empty one is always true. Equal sources share one. Throws `ConditionSyntaxError`
 * for one that can't be evaluated on any call: what isn't CEL, and names that don't exist.
 */
export function compileCondition(source: string): Condition {
  return source.trim() === '' ? always : compiled.get(source);
}

function compile(source: string): Condition {
  const parsed = parseCondition(source);
  const reads = readVariables(parsed, environment);
  checkPatterns(parsed);
  const program = plan(environment, meterLoops(parsed.root));
  return new CompiledCondition(source, reads, program);
}

type Program = (variables: BoundVariables) => CelResult;

class CompiledCondition implements Condition {
  readonly source: string;
  readonly reads: ReadonlySet<ConditionVariable>;
  readonly #program: Program;
  #failures: Map<string, ConditionOutcome> | undefined;

  constructor(source: string, reads: ReadonlySet<ConditionVariable>, program: Program) {
    this.source = source;
    this.reads = reads;
    this.#program = program;
  }

  evaluate(bindings: ConditionBindings): ConditionOutcome {
    meter.start();
    const value = this.#run(bindings);
    if (meter.exhausted) return failed(tooCostly);
    // The library gives errors back as objects, which count as true in JavaScript.
    if (value === true) return isTrue;
    if (value === false) return isFalse;
    if (!isCelError(value)) return failed(`its value is ${celType(value)}, neither true nor false`);
    return this.#failure(value);
  }

  #run(bindings: ConditionBindings): CelResult {
    // The library makes an Error for each failing term, those that `||` outweighs included: their stacks,
    // which nobody reads, would take ten times as long as the rest. Nothing else runs meanwhile.
    const frames = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    try {
      return this.#program(new BoundVariables(bindings));
    } finally {
      Error.stackTraceLimit = frames;
    }
  }

  /** Kept, since the same failures come again and again. */
  #failure(error: CelError): ConditionOutcome {
    const key = `${error.exprId} ${failureReason(error)}`;
    const known = this.#failures?.get(key);
    if (known !== undefined) return known;
    const failure = explainedFailure(this.source, error);
    this.#failures ??= new Map();
    if (this.#failures.size < failuresMax) this.#failures.set(key, failure);
    return failure;
  }
}

/** A failure that is put into words when somebody asks: that takes longer than the evaluation. */
function explainedFailure(source: string, error: CelError): ConditionOutcome {
  let message: string | undefined;
  return {
    kind: 'failed',
    get message() {
      message ??= describeFailure(parseCondition(source), error);
      return message;
    },
  };
}

function failed(message: string): ConditionOutcome {
  return { kind: 'failed', message };
}

/** Made once, for a list of tools reads unknown arguments for each of them. */
const notKnown = {
  principal: unknownValue('principal'),
  server: unknownValue('server'),
  tool: unknownValue('tool'),
  args: unknownValue('args'),
  request: unknownValue('request'),
  now: unknownValue('now'),
} satisfies { readonly [Variable in ConditionVariable]: CelInput };

function unknownValue(variable: ConditionVariable): CelInput {
  const error: unknown = celError(new ConditionValueError(`${variable} is not known here`));
  if (!isBindable(error)) throw new Error('an error is no value');
  return error;
}

/** The variables as the library reads them: when a term needs them. */
class BoundVariables {
  readonly #bindings: ConditionBindings;

  constructor(bindings: ConditionBindings) {
    this.#bindings = bindings;
  }

  get principal(): CelInput {
    return this.#read('principal');
  }

  get server(): CelInput {
    return this.#read('server');
  }

  get tool(): CelInput {
    return this.#read('tool');
  }

  get args(): CelInput {
    return this.#read('args');
  }

  get request(): CelInput {
    return this.#read('request');
  }

  get now(): CelInput {
    return this.#read('now');
  }

  #read(variable: ConditionVariable): CelInput {
    let value: unknown;
    try {
      value = this.#bindings[variable]();
    } catch (error) {
      // Thrown, it would fail the whole condition, even where the rest decides without it.
      value = celError(error);
    }
    // Left undefined, `has(args.x)` would be false of arguments that nobody knows.
    if (value === undefined) return notKnown[variable];
    if (isBindable(value)) return value;
    throw new ConditionValueError(`${variable} has no value that a condition can read`);
  }
}

/** The library takes errors as values of variables, too, though its types don't say so. */
function isBindable(value: unknown): value is CelInput {
  return typeof value !== 'function' && typeof value !== 'symbol' && value !== undefined;
}
