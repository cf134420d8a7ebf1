import { methodTable, targetKindsOf } from '../../../common/policy/method-targets.ts';
import { compilePattern } from '../../../common/policy/pattern.ts';
import type { CallTarget } from '../../../common/policy/policy-call.ts';
import type { PolicyKinds } from './validation-context.ts';

/** What of a policy says which kinds of calls it can be about. */
type TargetRules = Pick<PolicyKinds, 'effect' | 'methods' | 'tools' | 'resources' | 'prompts'>;

export type TargetKind = CallTarget['kind'];

/** Known methods that a pattern matches. */
export function matchedMethods(pattern: string): string[] {
  const compiled = compilePattern(pattern, 'name');
  return [...methodTable.keys()].filter((method) => compiled.matches(method));
}

/** Kinds of target that the calls have which a policy is about; empty: it is about none. */
export function targetKinds(rules: TargetRules): ReadonlySet<TargetKind> {
  const named = namedKinds(rules);
  const byMethod = methodKinds(rules);
  return new Set([...byMethod].filter((kind) => named === undefined || named.has(kind)));
}

function namedKinds({
  tools,
  resources,
  prompts,
}: TargetRules): ReadonlySet<TargetKind> | undefined {
  const named = new Set<TargetKind>();
  if (tools.length > 0) named.add('tool');
  if (resources.length > 0) named.add('resource');
  if (prompts.length > 0) named.add('prompt');
  return named.size === 0 ? undefined : named;
}

function methodKinds({ methods, effect }: TargetRules): ReadonlySet<TargetKind> {
  // Lists are narrowed instead of decided, but by a policy that names them and denies.
  if (methods.length === 0) return new Set(['tool', 'resource', 'prompt', 'method']);
  const kinds = new Set(methods.flatMap(kindsOfPattern));
  kinds.delete('implicit');
  if (effect === 'allow') kinds.delete('list');
  return kinds;
}

function kindsOfPattern(pattern: string): readonly TargetKind[] {
  const { exact } = compilePattern(pattern, 'name');
  if (exact !== undefined) return targetKindsOf(exact);
  // A pattern with wildcards takes in methods that nobody knows, too.
  return [...matchedMethods(pattern).flatMap(targetKindsOf), 'method'];
}
