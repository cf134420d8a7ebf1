import type { Policy, PolicyDefault } from '../../../common/policy/policy.ts';
import type { PolicySet } from '../../../common/policy/policy-set.ts';
import type { PreparedPolicy } from '../../../common/policy/prepared-policy.ts';
import { notFound, type Outcome, type Violation, violation } from '../../input/violation.ts';
import type { PolicyDefinition } from '../../store/entities/policy-revision.ts';
import { buildInTurns, decidingPolicy, type PolicyBasis, prepareInTurns } from '../policy-basis.ts';
import { validatePolicyForm } from '../policy-form.ts';
import type { Turns } from '../turns.ts';

/** What an organization's policies might become. */
export interface PolicyDraft {
  readonly add: readonly PolicyDefinition[];
  readonly replace: readonly (PolicyDefinition & { readonly id: string })[];
  /** Ids. */
  readonly remove: readonly string[];
  /** Null or left out: as it is. */
  readonly policyDefault?: PolicyDefault | null | undefined;
}

/** Policies that one draft adds, replaces and removes together. */
const draftPoliciesMax = 100;

/** The policies as they are and as they would be, ready to decide. */
export interface ComparedSets {
  readonly current: PolicySet;
  readonly drafted: PolicySet;
  /** What is in one of the sets alone. */
  readonly differing: readonly PreparedPolicy[];
  readonly sameDefault: boolean;
  /** Whether a condition of either set reads arguments. */
  readonly readsArguments: boolean;
}

function nested(path: string, violations: readonly Violation[]): Violation[] {
  return violations.map((each) => ({ ...each, path: [...path.split('.'), ...each.path] }));
}

/** What is wrong with the form of a draft. */
export function validateDraft({ add, replace, remove }: PolicyDraft): Violation[] {
  if (add.length + replace.length + remove.length > draftPoliciesMax) {
    return [
      violation('draft', 'TOO_MANY', `A draft is about at most ${draftPoliciesMax} policies.`),
    ];
  }
  return [
    ...add.flatMap((each, index) => nested(`draft.add.${index}`, validatePolicyForm(each))),
    ...replace.flatMap((each, index) => nested(`draft.replace.${index}`, validatePolicyForm(each))),
  ];
}

const positionMax = 2 ** 31 - 1;

/**
 * The policies of an organization as a draft has them: what is new comes last and has an id of its own, so that
 * reports can tell it; what is replaced keeps its place and has the next revision. Disabled ones are left out.
 * @param all every policy of the organization that the draft names by id, the disabled ones included.
 */
export function draftedPolicies(
  basis: Pick<PolicyBasis, 'policies'>,
  draft: PolicyDraft,
  all: ReadonlyMap<string, Pick<Policy, 'id' | 'organizationId' | 'position' | 'revision'>>,
  organizationId: string,
): Outcome<Policy[]> {
  const missing = [
    ...draft.replace.flatMap(({ id }, index) =>
      all.has(id.toLowerCase()) ? [] : [notFound(`draft.replace.${index}.id`, 'policy')],
    ),
    ...draft.remove.flatMap((id, index) =>
      all.has(id.toLowerCase()) ? [] : [notFound(`draft.remove.${index}`, 'policy')],
    ),
  ];
  if (missing.length > 0) return { ok: false, violations: missing };
  const gone = new Set([...draft.remove, ...draft.replace.map(({ id }) => id)].map(lowerCase));
  const kept = basis.policies.filter(({ id }) => !gone.has(id));
  const replaced = draft.replace
    .filter(({ enabled }) => enabled)
    .flatMap((each) => {
      const row = all.get(each.id.toLowerCase());
      return row ? [decidingPolicy({ ...each, ...row, revision: row.revision + 1 })] : [];
    });
  const added = draft.add
    .filter(({ enabled }) => enabled)
    .map((each) =>
      decidingPolicy({
        ...each,
        ...{ id: `new:${each.name}`, organizationId, revision: 1, position: positionMax },
      }),
    );
  return { ok: true, value: [...kept, ...replaced, ...added] };
}

function lowerCase(text: string): string {
  return text.toLowerCase();
}

/** Prepares both sets; what is in both is prepared once. */
export async function compareSets(
  basis: PolicyBasis,
  drafted: readonly Policy[],
  draftedDefault: PolicyDefault,
  turns: Turns,
): Promise<ComparedSets> {
  const before = await prepareInTurns(basis.policies, turns);
  const known = new Map(before.map((prepared) => [prepared.policy, prepared]));
  const fresh = await prepareInTurns(
    drafted.filter((policy) => !known.has(policy)),
    turns,
  );
  const kept = drafted.flatMap((policy) => known.get(policy) ?? []);
  const after = [...kept, ...fresh];
  const staying = new Set(kept);
  const differing = [...before.filter((each) => !staying.has(each)), ...fresh];
  return {
    current: await buildInTurns(before, basis.policyDefault, turns),
    drafted: await buildInTurns(after, draftedDefault, turns),
    differing,
    sameDefault: basis.policyDefault === draftedDefault,
    readsArguments: [...before, ...fresh].some(({ condition }) => condition?.reads.has('args')),
  };
}
