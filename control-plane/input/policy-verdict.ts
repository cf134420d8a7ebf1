import type { EntityManager } from '@mikro-orm/postgresql';
import type { Violation } from './violation.ts';

/** What an organization's expectations say of its policies and settings as they are in a transaction. */
export interface PolicyVerdict {
  /** Why the change is refused; none when it is forced. */
  readonly violations: readonly Violation[];
  /** For the audit entry: what was forced. */
  readonly details: Readonly<Record<string, string | number | boolean | readonly string[]>>;
}

/** Nothing speaks against it. */
export const nothingTried: PolicyVerdict = { violations: [], details: {} };

/** Tries an organization's expectations. @param force failing ones don't refuse the change. */
export type PolicyTrial = (
  em: EntityManager,
  organizationId: string,
  force: boolean,
) => Promise<PolicyVerdict>;
