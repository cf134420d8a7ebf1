import { CallBindings } from './call-bindings.ts';
import type { ConditionVariable } from './condition.ts';
import { targetNameCharsMax } from './method-targets.ts';
import type { Bucket } from './pattern-buckets.ts';
import { covers, overlap } from './pattern-relations.ts';
import type { PolicyDefault } from './policy.ts';
import type { CallTarget, PolicyCall, PolicyPin, PolicyRequest } from './policy-call.ts';
import type { PolicyIndex } from './policy-index.ts';
import {
  concernsCaller,
  matchesTarget,
  mismatchOf,
  namesNoTarget,
  type PreparedPolicy,
} from './prepared-policy.ts';
import { templateShape } from './resource-template.ts';
import { canonicalResourceUri } from './resource-uri.ts';
import { outcomeOf, type PolicyOutcome, rule } from './ruling.ts';

/** Who looks at a list, of which server, when. */
export type VisibilityContext = Pick<PolicyCall, 'principal' | 'server' | 'request' | 'nowMs'>;

/** The policies that a query asks. */
export interface VisiblePolicies {
  readonly index: PolicyIndex;
  readonly policies: readonly PreparedPolicy[];
}

/** An item of a list. */
export type ItemTarget = Extract<CallTarget, { readonly name: string }>;

/** What differs between the items of a kind: conditions that read none of it come out alike for all. */
const itemVariables: readonly ConditionVariable[] = ['tool', 'request'];

/** One method by which items of one kind are used, and what holds for all of them. */
interface Use {
  readonly request: PolicyRequest;
  /** Enforced policies about this caller, server and method, if their targets match, too. */
  readonly candidates: readonly PreparedPolicy[];
  /** Outcomes of conditions that come out alike for all items. */
  readonly outcomes: Map<PreparedPolicy, PolicyOutcome>;
}

/** A request as it would be if its caller used an item. */
function asUse(request: PolicyRequest, method: string): PolicyRequest {
  return {
    method,
    get era() {
      return request.era;
    },
    get client() {
      return request.client;
    },
    get address() {
      return request.address;
    },
    get headers() {
      return request.headers;
    },
  };
}

/**
 * What of a list its caller could use: everything but what is surely denied, whatever the arguments. What
 * depends on the caller and the server is found once. Good for one list, for it keeps its moment.
 */
export class VisibilityQuery {
  readonly #set: VisiblePolicies;
  readonly #policyDefault: PolicyDefault;
  readonly #context: VisibilityContext;
  readonly #uses = new Map<string, Use>();
  #aboutTemplates: readonly PreparedPolicy[] | undefined;
  #shared: CallBindings | undefined;

  constructor(set: VisiblePolicies, policyDefault: PolicyDefault, context: VisibilityContext) {
    this.#set = set;
    this.#policyDefault = policyDefault;
    this.#context = context;
  }

  /** Whether the caller could use an item by a method, such as tools/call, with some arguments. */
  mayUse(method: string, target: ItemTarget, pin: PolicyPin | undefined): boolean {
    const use = this.#useOf(method, target.kind);
    const call = this.#callOf(use, target, pin);
    const matched = use.candidates.filter((prepared) => matchesTarget(prepared, target));
    const buckets: Bucket[] = [];
    this.#set.index.findByTarget(target, buckets);
    for (const bucket of buckets) {
      for (const prepared of bucket) {
        if (isEnforced(prepared) && mismatchOf(prepared, call) === undefined) {
          matched.push(prepared);
        }
      }
    }
    return matched.length === 0
      ? this.#policyDefault === 'allow'
      : this.#isAllowed(use, call, matched);
  }

  /** Whether the caller could read some resource whose URI is made by a template (RFC 6570). */
  mayReadSomeOf(uriTemplate: string): boolean {
    if (uriTemplate.length > targetNameCharsMax) return false;
    const use = this.#useOf('resources/read', 'resource');
    const shape = templateShape(uriTemplate);
    this.#aboutTemplates ??= this.#set.policies.filter(
      (prepared) =>
        isEnforced(prepared) &&
        (namesNoTarget(prepared) || !prepared.resources.isEmpty) &&
        concernsCaller(prepared, this.#context, 'resources/read'),
    );
    const matched = this.#aboutTemplates.filter((prepared) => {
      // Only a rule about all of them denies the template; one about any of them is worth to have it.
      const relation = prepared.policy.effect === 'deny' ? covers : overlap;
      const { patterns } = prepared.resources;
      return namesNoTarget(prepared) || patterns.some((one) => relation(one, shape));
    });
    const name = canonicalResourceUri(uriTemplate);
    const call = this.#callOf(use, { kind: 'resource', name }, undefined);
    return this.#isAllowed(use, call, matched, readsRequest);
  }

  #callOf({ request }: Use, target: ItemTarget, pin: PolicyPin | undefined): PolicyCall {
    const { principal, server, nowMs } = this.#context;
    return { principal, server, request, target, pin, args: undefined, nowMs };
  }

  /** The order of the policies means nothing to whether they allow, nor does a policy that stands there twice. */
  #isAllowed(
    use: Use,
    call: PolicyCall,
    matched: readonly PreparedPolicy[],
    isUndecidable: (prepared: PreparedPolicy) => boolean = () => false,
  ): boolean {
    this.#shared ??= new CallBindings(call, false);
    // What never has arguments is used without: a condition that reads them fails for certain.
    const argumentsKnown = call.target.kind === 'resource';
    const bindings = new CallBindings(call, argumentsKnown, this.#shared);
    const { allowed } = rule({
      matched,
      targetKind: call.target.kind,
      policyDefault: this.#policyDefault,
      outcomeOf: (prepared) => {
        if (isUndecidable(prepared)) return { kind: 'unknown' };
        const known = use.outcomes.get(prepared);
        if (known !== undefined) return known;
        const outcome = outcomeOf(prepared, bindings, argumentsKnown);
        if (isAlikeForAll(prepared)) use.outcomes.set(prepared, outcome);
        return outcome;
      },
    });
    return allowed;
  }

  #useOf(method: string, kind: ItemTarget['kind']): Use {
    const key = `${kind} ${method}`;
    let use = this.#uses.get(key);
    if (use === undefined) {
      use = this.#findUse(method);
      this.#uses.set(key, use);
    }
    return use;
  }

  #findUse(method: string): Use {
    const { principal, server } = this.#context;
    const buckets: Bucket[] = [];
    this.#set.index.findByCaller(principal, server.slug, method, buckets);
    const candidates = new Set<PreparedPolicy>();
    for (const bucket of buckets) {
      for (const prepared of bucket) {
        if (isEnforced(prepared) && concernsCaller(prepared, this.#context, method)) {
          candidates.add(prepared);
        }
      }
    }
    const request = asUse(this.#context.request, method);
    return { request, candidates: [...candidates], outcomes: new Map() };
  }
}

function isEnforced({ policy }: PreparedPolicy): boolean {
  return policy.mode === 'enforce';
}

/** The URI that will be asked for is in the request. */
function readsRequest({ condition }: PreparedPolicy): boolean {
  return condition?.reads.has('request') ?? false;
}

function isAlikeForAll({ condition }: PreparedPolicy): boolean {
  return condition === undefined || itemVariables.every((name) => !condition.reads.has(name));
}
