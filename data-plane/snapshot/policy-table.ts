import type { PolicyDefault } from '../../common/policy/policy.ts';
import { PolicySet, PolicySetBuilder } from '../../common/policy/policy-set.ts';
import type { PreparedPolicy } from '../../common/policy/prepared-policy.ts';
import { PersistentMap, type PersistentMapEditor } from './persistent-map.ts';

/** The policies of one organization, with the set that calls are decided by for each default. */
interface OrganizationPolicies {
  /** By id. */
  readonly held: ReadonlyMap<string, PreparedPolicy>;
  readonly sets: PolicySets;
}

type PolicySets = Readonly<Record<PolicyDefault, PolicySet>>;

function setsOf(set: PolicySet): PolicySets {
  return { allow: set.withDefault('allow'), deny: set.withDefault('deny') };
}

const noPolicies = setsOf(PolicySet.empty);

/** Policies by organization. Immutable; a change of one organization's leaves the sets of others as they are. */
export class PolicyTable {
  readonly #organizations: PersistentMap<OrganizationPolicies>;

  constructor(organizations: PersistentMap<OrganizationPolicies> = PersistentMap.empty()) {
    this.#organizations = organizations;
  }

  /** The same object while nothing of it changed. */
  of(organizationId: string, policyDefault: PolicyDefault): PolicySet {
    const sets = this.#organizations.get(organizationId)?.sets ?? noPolicies;
    return sets[policyDefault];
  }

  edit(): PolicyTableEditor {
    return new PolicyTableEditor(this, this.#organizations.edit());
  }
}

/** Collects changes, so that each organization's set is built once however many there are. */
export class PolicyTableEditor {
  readonly #original: PolicyTable;
  readonly #organizations: PersistentMapEditor<OrganizationPolicies>;
  readonly #changed = new Map<string, Map<string, PreparedPolicy>>();

  constructor(original: PolicyTable, organizations: PersistentMapEditor<OrganizationPolicies>) {
    this.#original = original;
    this.#organizations = organizations;
  }

  add(prepared: PreparedPolicy): void {
    this.#heldBy(prepared).set(prepared.policy.id, prepared);
  }

  remove(prepared: PreparedPolicy): void {
    this.#heldBy(prepared).delete(prepared.policy.id);
  }

  /** In steps, since an organization's set is built of all its policies. */
  *finishing(): Generator<void, PolicyTable> {
    if (this.#changed.size === 0) return this.#original;
    for (const [organizationId, held] of this.#changed) {
      const builder = new PolicySetBuilder();
      for (const prepared of held.values()) {
        builder.add(prepared);
        yield;
      }
      if (held.size === 0) this.#organizations.delete(organizationId);
      else this.#organizations.set(organizationId, { held, sets: setsOf(builder.finish()) });
    }
    return new PolicyTable(this.#organizations.finish());
  }

  #heldBy({ policy: { organizationId } }: PreparedPolicy): Map<string, PreparedPolicy> {
    const existing = this.#changed.get(organizationId);
    if (existing !== undefined) return existing;
    const copy = new Map(this.#organizations.get(organizationId)?.held);
    this.#changed.set(organizationId, copy);
    return copy;
  }
}
