import type { SourcePosition } from '../../../common/policy/condition-syntax.ts';

/** What validation can find; stable, part of the GraphQL interface. */
export const policyFindingCodes = {
  SYNTAX: 'The condition is not CEL, names what does not exist, or holds a pattern that is none.',
  UNKNOWN_FIELD: 'A value has no field of this name.',
  UNKNOWN_ARGUMENT: 'The tools that the policy names take no argument of this name.',
  UNKNOWN_HEADER: 'Conditions may not read this header.',
  TYPE_MISMATCH: 'A function or operator does not take values of these types.',
  NOT_BOOLEAN: 'The condition is neither true nor false.',
  NEVER_EQUAL: 'Two values are compared that can never be equal.',
  NEVER_TRUE: 'The condition is false for every call, or for every call that the policy is about.',
  ALWAYS_TRUE: 'The condition is true for every call, or for every call that the policy is about.',
  ALWAYS_FAILS: 'The condition fails for every call.',
  MAY_BE_ABSENT: 'The condition fails for calls that lack what it reads.',
  TARGETS_TOO_WIDE: 'The condition reads what not all calls have that the policy is about.',
  TARGETS_NEVER_MATCH: 'No call can match these targets.',
  METHOD_NOT_DECIDED: 'No policy is asked about this method.',
  UNKNOWN_METHOD: 'The protocol has no such method.',
  UNKNOWN_SERVER: 'The organization has no such server.',
  UNKNOWN_TOOL: 'The servers offer no such tool.',
  UNKNOWN_RESOURCE: 'The servers offer no such resource.',
  UNKNOWN_PROMPT: 'The servers offer no such prompt.',
  UNKNOWN_ROLE: 'The organization has no such role.',
  UNKNOWN_SUBJECT: 'The organization has no such user or service account.',
  UNKNOWN_API_KEY: 'The organization has no such API key.',
  TOO_COSTLY: 'The condition takes too long on calls with long lists.',
} as const;
export type PolicyFindingCode = keyof typeof policyFindingCodes;

/** Something about a policy that its author should know. An `error` keeps it from being stored. */
export interface PolicyFinding {
  readonly severity: 'error' | 'warning';
  readonly code: PolicyFindingCode;
  /** Dotted, as in `condition` or `tools.0`. */
  readonly field: string;
  /** In the condition's source, both from 1. */
  readonly line?: number;
  readonly column?: number;
  /** A sentence. */
  readonly message: string;
  /** What to write instead; empty: nothing to say. */
  readonly hint: string;
}

/** A finding about a list's item or about the policy as a whole. */
export function fieldFinding(
  severity: PolicyFinding['severity'],
  code: PolicyFindingCode,
  field: string,
  message: string,
  hint = '',
): PolicyFinding {
  return { severity, code, field, message, hint };
}

/** A finding about a place in the condition. */
export function conditionFinding(
  severity: PolicyFinding['severity'],
  code: PolicyFindingCode,
  position: SourcePosition,
  message: string,
  hint = '',
): PolicyFinding {
  const { line, column } = position;
  return { severity, code, field: 'condition', line, column, message, hint };
}
