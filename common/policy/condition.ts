/** What a condition may read. */
export const conditionVariables = [
  'principal',
  'server',
  'tool',
  'args',
  'request',
  'now',
] as const;
export type ConditionVariable = (typeof conditionVariables)[number];

/** The value of a condition on one call. Anything but true and false is a failure. */
export type ConditionOutcome =
  | { readonly kind: 'true' }
  | { readonly kind: 'false' }
  /** At most 300 characters; holds no argument's value. */
  | { readonly kind: 'failed'; readonly message: string };

/**
 * Values of the variables, made when they are read and at most once for each call. `args` answers undefined
 * where arguments are not known, such as while listing: what reads them then fails, unless the rest of the
 * condition decides without them.
 */
export type ConditionBindings = {
  readonly [Variable in ConditionVariable]: () => unknown;
};

/** A compiled condition. Immutable; equal sources may share one. */
export interface Condition {
  readonly source: string;
  readonly reads: ReadonlySet<ConditionVariable>;
  evaluate(bindings: ConditionBindings): ConditionOutcome;
}
