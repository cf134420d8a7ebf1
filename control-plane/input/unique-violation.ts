import { UniqueConstraintViolationException } from '@mikro-orm/core';
import { type Outcome, refused, violation } from './violation.ts';

/**
 * Runs a write and turns a value that another row took in the meantime into a violation. `paths` names
 * the input's path for each unique constraint; a constraint that is not named stays an error.
 */
export async function orTaken<T>(
  paths: Readonly<Record<string, string>>,
  write: () => Promise<Outcome<T>>,
): Promise<Outcome<T>> {
  try {
    return await write();
  } catch (error) {
    if (!(error instanceof UniqueConstraintViolationException)) throw error;
    const { constraint } = error as { constraint?: unknown };
    const path = typeof constraint === 'string' ? paths[constraint] : undefined;
    if (path === undefined) throw error;
    return refused(violation(path, 'TAKEN', 'Another object already uses this value.'));
  }
}
