/** What a caller can mend about an input: stable codes, part of the GraphQL interface as `UserErrorCode`. */
export const violationCodes = {
  REQUIRED: 'A value is missing.',
  TOO_SHORT: 'The value is shorter than allowed.',
  TOO_LONG: 'The value is longer than allowed.',
  OUT_OF_RANGE: 'The number or time lies outside the allowed range.',
  TOO_MANY:
    'The list holds more items than allowed, or a bound on objects of this kind is reached.',
  INVALID_FORMAT: 'The value does not have the required form.',
  ADDRESS_NOT_ALLOWED: 'The URL points to an address that upstream servers may not have here.',
  DUPLICATE: 'The list names the same thing twice.',
  TAKEN: 'Another object already uses this value.',
  NOT_FOUND: 'What the value refers to does not exist, or is not visible to the caller.',
  VERSION_CONFLICT:
    'The object changed since it was read: read it again and repeat with its current version.',
  LAST_OWNER: 'An organization keeps at least one owner.',
  INCORRECT: 'The value is not the right one.',
  NOT_CONFIGURED: 'The operator has not set what this needs.',
  IN_USE: 'Other objects still depend on this one.',
  ENDED: 'The object has ended, so that this can no longer be done with it.',
  INVALID_POLICY: 'The policy can’t be used as it is; `finding` says why.',
  EXPECTATION_FAILED:
    'A call would not be decided as an expectation says; with `force` the change is made all the same.',
  NOT_ALLOWED: 'The caller’s own role does not allow this value.',
} as const;

export type ViolationCode = keyof typeof violationCodes;

/** One thing that is wrong with an input. */
export interface Violation {
  /** Where in the input, from its top: `['endpoints', '0', 'url']`. */
  readonly path: readonly string[];
  readonly code: ViolationCode;
  /** A sentence for a person. */
  readonly message: string;
  /** What exactly validation found, where `code` says only that it found something. */
  readonly finding?: string;
  /** In a text of several lines, both from 1. */
  readonly line?: number;
  readonly column?: number;
  /** What to write instead. */
  readonly hint?: string;
}

/** What a service answers: its result, or everything that the caller can mend. Nothing was written then. */
export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly violations: readonly Violation[] };

export function done<T>(value: T): Outcome<T> {
  return { ok: true, value };
}

export function refused<T>(...violations: readonly Violation[]): Outcome<T> {
  return { ok: false, violations };
}

/** A violation; `path` is dotted, as in `endpoints.0.url`. */
export function violation(path: string, code: ViolationCode, message: string): Violation {
  return { path: path === '' ? [] : path.split('.'), code, message };
}

/** The object that the input names does not exist for this caller; absent and foreign look the same. */
export function notFound(path: string, noun: string): Violation {
  return violation(path, 'NOT_FOUND', `There is no such ${noun}.`);
}

/** The row's version is not the one that the caller read. */
export function versionConflict(): Violation {
  return violation('version', 'VERSION_CONFLICT', violationCodes.VERSION_CONFLICT);
}
