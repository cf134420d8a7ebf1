import type { Condition } from './condition.ts';
import { compilePattern, type PatternKind } from './pattern.ts';
import { PatternList } from './pattern-list.ts';
import type { Policy } from './policy.ts';
import type { CallTarget, PolicyCall, PolicyPrincipal } from './policy-call.ts';
import { canonicalResourcePattern } from './resource-pattern.ts';
import { textSet } from './text-set.ts';

/** A policy ready to be matched with calls. Immutable; sets share it as long as the policy is unchanged. */
export interface PreparedPolicy {
  readonly policy: Policy;
  readonly servers: PatternList;
  readonly methods: PatternList;
  readonly tools: PatternList;
  readonly resources: PatternList;
  readonly prompts: PatternList;
  readonly roles: ReadonlySet<string>;
  readonly subjects: ReadonlySet<string>;
  readonly apiKeys: ReadonlySet<string>;
  /** Undefined: it always holds. */
  readonly condition: Condition | undefined;
}

function patternList(patterns: readonly string[], kind: PatternKind): PatternList {
  if (patterns.length === 0) return PatternList.empty;
  return new PatternList(patterns.map((pattern) => compilePattern(pattern, kind)));
}

/** Prepares a policy; `compile` is asked for its condition, unless that is empty. */
export function preparePolicy(
  policy: Policy,
  compile: (source: string) => Condition,
): PreparedPolicy {
  const { targets, subjects, condition } = policy;
  return {
    policy,
    servers: patternList(targets.servers, 'name'),
    methods: patternList(targets.methods, 'name'),
    tools: patternList(targets.tools, 'name'),
    resources: patternList(targets.resources.map(canonicalResourcePattern), 'path'),
    prompts: patternList(targets.prompts, 'name'),
    roles: textSet(subjects.roles),
    subjects: textSet(subjects.subjects),
    apiKeys: textSet(subjects.apiKeys),
    condition: condition === '' ? undefined : compile(condition),
  };
}

function matchesNamed(prepared: PreparedPolicy, target: CallTarget): boolean {
  switch (target.kind) {
    case 'tool':
      return prepared.tools.matches(target.name);
    case 'resource':
      return prepared.resources.matches(target.name);
    case 'prompt':
      return prepared.prompts.matches(target.name);
    case 'list':
    case 'method':
    case 'implicit':
      return false;
  }
}

export function namesNoTarget({ tools, resources, prompts }: PreparedPolicy): boolean {
  return tools.isEmpty && resources.isEmpty && prompts.isEmpty;
}

/** Whether a policy is about this target of this method. */
export function matchesTarget(prepared: PreparedPolicy, target: CallTarget): boolean {
  return namesNoTarget(prepared) || matchesNamed(prepared, target);
}

/**
 * Whether a policy is about this method. Lists are narrowed instead of refused, so that only a policy that
 * names the method, and denies it, is about one.
 */
function matchesMethod(
  { methods, policy }: PreparedPolicy,
  method: string,
  targetKind: CallTarget['kind'],
): boolean {
  if (targetKind === 'implicit') return false;
  if (targetKind === 'list') return policy.effect === 'deny' && methods.matches(method);
  return methods.isEmpty || methods.matches(method);
}

function matchesServer({ servers }: PreparedPolicy, slug: string): boolean {
  return servers.isEmpty || servers.matches(slug);
}

/** Whether a policy is about this caller: also when it is about everybody. */
function matchesPrincipal(prepared: PreparedPolicy, principal: PolicyPrincipal): boolean {
  const { roles, subjects, apiKeys } = prepared;
  if (roles.size === 0 && subjects.size === 0 && apiKeys.size === 0) return true;
  if (subjects.has(principal.subject)) return true;
  if (principal.credentialKind === 'api_key' && apiKeys.has(principal.credentialId)) return true;
  if (roles.size === 0) return false;
  for (const role of principal.roles) {
    if (roles.has(role)) return true;
  }
  return false;
}

/** Why a policy isn't about a call; the first that holds, in this order. */
export type Mismatch = 'method' | 'server' | 'target' | 'subject';

/** Undefined: the policy is about the call, so that its condition counts. */
export function mismatchOf(
  prepared: PreparedPolicy,
  { principal, server, request, target }: PolicyCall,
): Mismatch | undefined {
  if (!matchesMethod(prepared, request.method, target.kind)) return 'method';
  if (!matchesServer(prepared, server.slug)) return 'server';
  if (!matchesTarget(prepared, target)) return 'target';
  return matchesPrincipal(prepared, principal) ? undefined : 'subject';
}

/** Whether a policy is about what this caller does by this method on this server to something named. */
export function concernsCaller(
  prepared: PreparedPolicy,
  { principal, server }: Pick<PolicyCall, 'principal' | 'server'>,
  method: string,
): boolean {
  const { methods } = prepared;
  if (!methods.isEmpty && !methods.matches(method)) return false;
  return matchesServer(prepared, server.slug) && matchesPrincipal(prepared, principal);
}
