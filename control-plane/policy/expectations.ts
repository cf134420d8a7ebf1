import type { EntityManager } from '@mikro-orm/postgresql';
import { nothingTried, type PolicyVerdict } from '../input/policy-verdict.ts';

/** Tries every expectation of an organization. @param force failing ones don't refuse the change. */
export async function checkExpectations(
  _em: EntityManager,
  _organizationId: string,
  _force: boolean,
): Promise<PolicyVerdict> {
  return nothingTried;
}
