import type { EntityManager } from '@mikro-orm/postgresql';
import type { JsonObject } from '../audit/canonical-json.ts';
import type { Violation } from '../input/violation.ts';

/** What the expectations of an organization say of its policies as they are in this transaction. */
export interface ExpectationVerdict {
  /** Why the change is refused; none when it is forced. */
  readonly violations: readonly Violation[];
  /** For the audit entry: what was forced. */
  readonly details: JsonObject;
}

/** Tries every expectation of an organization. @param force failing ones don't refuse the change. */
export async function checkExpectations(
  _em: EntityManager,
  _organizationId: string,
  _force: boolean,
): Promise<ExpectationVerdict> {
  return { violations: [], details: {} };
}
