import type { ConditionBindings, ConditionVariable } from './condition.ts';
import { conditionValues } from './condition-values.ts';
import type { PolicyCall } from './policy-call.ts';

type Made = { readonly value: unknown } | { readonly error: unknown };

/** What conditions read of one call, each variable made when it is first read. */
export class CallBindings implements ConditionBindings {
  readonly #call: PolicyCall;
  readonly #argumentsKnown: boolean;
  readonly #shared: CallBindings | undefined;
  readonly #made = new Map<ConditionVariable, Made>();

  /** `shared`: bindings of another call of the same caller to the same server at the same moment. */
  constructor(call: PolicyCall, argumentsKnown: boolean, shared?: CallBindings) {
    this.#call = call;
    this.#argumentsKnown = argumentsKnown;
    this.#shared = shared;
  }

  principal(): unknown {
    return this.#shared === undefined ? this.#read('principal') : this.#shared.principal();
  }

  server(): unknown {
    return this.#shared === undefined ? this.#read('server') : this.#shared.server();
  }

  tool(): unknown {
    return this.#read('tool');
  }

  args(): unknown {
    return this.#argumentsKnown ? this.#read('args') : undefined;
  }

  request(): unknown {
    return this.#read('request');
  }

  now(): unknown {
    return this.#shared === undefined ? this.#read('now') : this.#shared.now();
  }

  #read(variable: ConditionVariable): unknown {
    let made = this.#made.get(variable);
    if (made === undefined) {
      made = this.#make(variable);
      this.#made.set(variable, made);
    }
    if ('error' in made) throw made.error;
    return made.value;
  }

  /** Arguments beyond the bounds are found to be so once, not by each condition. */
  #make(variable: ConditionVariable): Made {
    try {
      return { value: conditionValues[variable](this.#call) };
    } catch (error) {
      return { error };
    }
  }
}
