const mark = 'condition: ';

/**
 * A value that a condition can't use on this call. The reason holds no value of the call, so that it may be
 * recorded and shown.
 */
export class ConditionValueError extends Error {
  override readonly name = 'ConditionValueError';

  /** At most 100 characters. */
  constructor(reason: string) {
    // The CEL library keeps of an error only its message; the mark tells ours from its own, which may quote
    // arguments.
    super(`${mark}${reason}`);
  }
}

/** The reason in a message that began as a `ConditionValueError`; undefined: it didn't. */
export function shownReason(message: string): string | undefined {
  return message.startsWith(mark) ? message.slice(mark.length) : undefined;
}
