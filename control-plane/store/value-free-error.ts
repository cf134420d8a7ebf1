import { DriverException } from '@mikro-orm/core';

/** Where PostgreSQL quotes a row or a statement: `Failing row contains (…)`, `Key (email)=(…)`. */
const quotingFields = ['detail', 'where', 'internalQuery', 'query', 'parameters'] as const;

function removeQuotes(error: object): void {
  for (const field of quotingFields) {
    if (field in error) Reflect.deleteProperty(error, field);
  }
}

/**
 * Takes the values out of a database error: whoever logs it would log hashes, sealed secrets and personal
 * data with it. Code, constraint, table and column stay.
 */
export function withoutValues(error: unknown): unknown {
  if (!(error instanceof DriverException)) return error;
  removeQuotes(error);
  if (typeof error.cause === 'object' && error.cause !== null) removeQuotes(error.cause);
  return error;
}
