import { type Bucket, NameBuckets, PatternBuckets } from './pattern-buckets.ts';
import type { CallTarget, PolicyPrincipal } from './policy-call.ts';
import { namesNoTarget, type PreparedPolicy } from './prepared-policy.ts';

/** Entries that weigh as much as one more policy to look at: a long list is worth some detour. */
const entriesPerLook = 16;

interface Place {
  /** How many policies a call looks at to find this one there, at worst. */
  readonly cost: number;
  add(): void;
}

/**
 * Policies of one organization, found by what a call is about. Each is kept under one side of it (what is
 * called, who calls, which server, which method): the one where it stands among the fewest others. So a call
 * looks at few policies, whether an organization tells them apart by tool, by server or by role.
 */
export class PolicyIndex {
  readonly #tools = new PatternBuckets();
  readonly #resources = new PatternBuckets();
  readonly #prompts = new PatternBuckets();
  readonly #roles = new NameBuckets();
  readonly #subjects = new NameBuckets();
  readonly #apiKeys = new NameBuckets();
  readonly #servers = new PatternBuckets();
  readonly #methods = new PatternBuckets();
  /** About every call. */
  readonly #unrestricted: PreparedPolicy[] = [];

  /** Takes time in the length of the policy's lists, not in the number of policies. */
  add(prepared: PreparedPolicy): void {
    let best: Place | undefined;
    for (const place of this.#places(prepared)) {
      if (best === undefined || place.cost < best.cost) best = place;
    }
    if (best === undefined) this.#unrestricted.push(prepared);
    else best.add();
  }

  /** The buckets that are kept under what is called. */
  findByTarget(target: CallTarget, found: Bucket[]): void {
    if (target.kind === 'tool') this.#tools.find(target.name, found);
    else if (target.kind === 'resource') this.#resources.find(target.name, found);
    else if (target.kind === 'prompt') this.#prompts.find(target.name, found);
  }

  /** The buckets that are kept under anything else. */
  findByCaller(principal: PolicyPrincipal, server: string, method: string, found: Bucket[]): void {
    for (const role of principal.roles) this.#roles.find(role, found);
    this.#subjects.find(principal.subject, found);
    this.#apiKeys.find(principal.credentialId, found);
    this.#servers.find(server, found);
    this.#methods.find(method, found);
    if (this.#unrestricted.length > 0) found.push(this.#unrestricted);
  }

  *#places(prepared: PreparedPolicy): Generator<Place> {
    const { servers, methods, roles, subjects, apiKeys } = prepared;
    if (!namesNoTarget(prepared)) yield this.#targetPlace(prepared);
    if (roles.size + subjects.size + apiKeys.size > 0) yield this.#subjectPlace(prepared);
    if (!servers.isEmpty) {
      const cost = this.#servers.longestFor(servers) + servers.size / entriesPerLook;
      yield { cost, add: () => this.#servers.add(servers, prepared) };
    }
    if (!methods.isEmpty) {
      const cost = this.#methods.longestFor(methods) + methods.size / entriesPerLook;
      yield { cost, add: () => this.#methods.add(methods, prepared) };
    }
  }

  #targetPlace(prepared: PreparedPolicy): Place {
    const { tools, resources, prompts } = prepared;
    const longest = Math.max(
      this.#tools.longestFor(tools),
      this.#resources.longestFor(resources),
      this.#prompts.longestFor(prompts),
    );
    const add = () => {
      this.#tools.add(tools, prepared);
      this.#resources.add(resources, prepared);
      this.#prompts.add(prompts, prepared);
    };
    const entries = tools.size + resources.size + prompts.size;
    return { cost: longest + entries / entriesPerLook, add };
  }

  #subjectPlace(prepared: PreparedPolicy): Place {
    const { roles, subjects, apiKeys } = prepared;
    const longest = Math.max(
      this.#roles.longestFor(roles),
      this.#subjects.longestFor(subjects),
      this.#apiKeys.longestFor(apiKeys),
    );
    const add = () => {
      this.#roles.add(roles, prepared);
      this.#subjects.add(subjects, prepared);
      this.#apiKeys.add(apiKeys, prepared);
    };
    const entries = roles.size + subjects.size + apiKeys.size;
    return { cost: longest + entries / entriesPerLook, add };
  }
}
