import { CallBindings } from './call-bindings.ts';
import type { Condition } from './condition.ts';
import type { Decision } from './decision.ts';
import { carriesArguments } from './method-targets.ts';
import type { Bucket } from './pattern-buckets.ts';
import type { Policy, PolicyDefault } from './policy.ts';
import type { PolicyCall } from './policy-call.ts';
import { PolicyIndex } from './policy-index.ts';
import { matchedAmong, sortPolicies } from './policy-order.ts';
import {
  type Mismatch,
  mismatchOf,
  type PreparedPolicy,
  preparePolicy,
} from './prepared-policy.ts';
import {
  implicitlyAllowed,
  outcomeOf,
  type PolicyOutcome,
  type Question,
  rule,
  withShadow,
} from './ruling.ts';
import { type VisibilityContext, VisibilityQuery } from './visibility-query.ts';

/** `unknown`: the arguments of a call are not at hand, such as those of a recorded one that were not kept. */
export type ArgumentKnowledge = 'as_called' | 'unknown';

/** A policy that was looked at for a call. */
export interface ConsideredPolicy {
  readonly policy: Policy;
  /** Why it isn't about the call; undefined: it is. */
  readonly mismatch: Mismatch | undefined;
  /** What its condition comes to; undefined: it isn't about the call. */
  readonly outcome: PolicyOutcome | undefined;
}

/** A decision with everything that it was made of. */
export interface Explanation {
  readonly decision: Decision;
  /** All policies, in the organization's order. */
  readonly policies: readonly ConsideredPolicy[];
}

/**
 * Whether `PolicyCall.args` are the arguments that the target is used with. A task's were decided when it was
 * made, and a completion has none yet. Of what never has arguments that is known.
 */
function knowsArguments({ target, request }: PolicyCall, args: ArgumentKnowledge): boolean {
  if (target.kind !== 'tool' && target.kind !== 'prompt') return true;
  return args === 'as_called' && carriesArguments(request.method);
}

interface SetContents {
  readonly index: PolicyIndex;
  /** In no order. */
  readonly policies: readonly PreparedPolicy[];
  /** An enforced policy is among them that may deny, if only by failing. */
  readonly mayDeny: boolean;
}

/** The policies of one organization, ready to decide. Immutable. */
export class PolicySet {
  static readonly empty = new PolicySet(
    { index: new PolicyIndex(), policies: [], mayDeny: false },
    'deny',
  );

  readonly policyDefault: PolicyDefault;
  readonly #contents: SetContents;

  constructor(contents: SetContents, policyDefault: PolicyDefault) {
    this.#contents = contents;
    this.policyDefault = policyDefault;
  }

  /** Prepares and indexes policies at once; a builder does so in steps. */
  static compile(
    policies: Iterable<Policy>,
    options: {
      readonly default: PolicyDefault;
      readonly compile: (source: string) => Condition;
    },
  ): PolicySet {
    const builder = new PolicySetBuilder();
    for (const policy of policies) builder.add(preparePolicy(policy, options.compile));
    return builder.finish().withDefault(options.default);
  }

  get size(): number {
    return this.#contents.policies.length;
  }

  /** Whether anything may be denied at all: otherwise no list has to be looked at. */
  get narrows(): boolean {
    return this.policyDefault === 'deny' || this.#contents.mayDeny;
  }

  /** The same policies with another default. */
  withDefault(policyDefault: PolicyDefault): PolicySet {
    if (policyDefault === this.policyDefault) return this;
    return new PolicySet(this.#contents, policyDefault);
  }

  /** What becomes of a call. */
  decide(call: PolicyCall, args: ArgumentKnowledge = 'as_called'): Decision {
    if (call.target.kind === 'implicit') return implicitlyAllowed;
    const question = this.#questionOf(call, args, this.#matched(call));
    return withShadow(question, rule(question));
  }

  /** Decides with every policy's part in it. Looks at all policies, so that it takes time in their number. */
  explain(call: PolicyCall, args: ArgumentKnowledge = 'as_called'): Explanation {
    const matched = this.#matched(call);
    const question = this.#questionOf(call, args, matched);
    const policies = sortPolicies([...this.#contents.policies]).map((prepared) => {
      const { policy } = prepared;
      const mismatch = mismatchOf(prepared, call);
      const outcome = mismatch === undefined ? question.outcomeOf(prepared) : undefined;
      return { policy, mismatch, outcome };
    });
    return { decision: this.decide(call, args), policies };
  }

  /** Asks about many items of a list for one caller. */
  visibility(context: VisibilityContext): VisibilityQuery {
    return new VisibilityQuery(this.#contents, this.policyDefault, context);
  }

  #matched(call: PolicyCall): readonly PreparedPolicy[] {
    const { index } = this.#contents;
    const { principal, server, request, target } = call;
    const buckets: Bucket[] = [];
    index.findByTarget(target, buckets);
    index.findByCaller(principal, server.slug, request.method, buckets);
    return matchedAmong(buckets, (prepared) => mismatchOf(prepared, call) === undefined);
  }

  #questionOf(
    call: PolicyCall,
    args: ArgumentKnowledge,
    matched: readonly PreparedPolicy[],
  ): Question {
    const argumentsKnown = knowsArguments(call, args);
    const bindings = new CallBindings(call, argumentsKnown);
    return {
      matched,
      targetKind: call.target.kind,
      policyDefault: this.policyDefault,
      outcomeOf: (prepared) => outcomeOf(prepared, bindings, argumentsKnown),
    };
  }
}

/** Indexes policies one by one, in any order, so that building a large set need not hold up anything else. */
export class PolicySetBuilder {
  readonly #index = new PolicyIndex();
  readonly #policies: PreparedPolicy[] = [];
  #mayDeny = false;

  /** Takes time in the length of the policy's lists alone. */
  add(prepared: PreparedPolicy): void {
    const { policy, condition } = prepared;
    this.#index.add(prepared);
    this.#policies.push(prepared);
    // Where a condition fails, an allowing policy denies as well.
    const mayDeny = policy.effect === 'deny' || condition !== undefined;
    if (policy.mode === 'enforce' && mayDeny) this.#mayDeny = true;
  }

  /** The set, whose default is to deny; the builder is of no use after. Takes no time. */
  finish(): PolicySet {
    if (this.#policies.length === 0) return PolicySet.empty;
    const contents = { index: this.#index, policies: this.#policies, mayDeny: this.#mayDeny };
    return new PolicySet(contents, 'deny');
  }
}
