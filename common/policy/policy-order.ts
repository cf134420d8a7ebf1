import type { Bucket } from './pattern-buckets.ts';
import type { Policy } from './policy.ts';
import type { PreparedPolicy } from './prepared-policy.ts';

/** The organization's order. */
function comparePolicies(a: Policy, b: Policy): number {
  if (a.position !== b.position) return a.position - b.position;
  if (a.id === b.id) return 0;
  return a.id < b.id ? -1 : 1;
}

/** Sorts in place. */
export function sortPolicies(policies: PreparedPolicy[]): PreparedPolicy[] {
  return policies.sort((a, b) => comparePolicies(a.policy, b.policy));
}

/** The policies of some buckets that match, each once, in the organization's order. */
export function matchedAmong(
  buckets: readonly Bucket[],
  matches: (prepared: PreparedPolicy) => boolean,
): readonly PreparedPolicy[] {
  const matched: PreparedPolicy[] = [];
  for (const bucket of buckets) {
    for (const prepared of bucket) {
      if (matches(prepared)) matched.push(prepared);
    }
  }
  if (matched.length < 2) return matched;
  sortPolicies(matched);
  return matched.filter((prepared, index) => prepared !== matched[index - 1]);
}
