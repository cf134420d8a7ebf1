import { type CelMap, type CelValue, celMap } from '@bufbuild/cel';
import type { ConditionBindings, ConditionVariable } from '../../../common/policy/condition.ts';
import { ConditionValueError } from '../../../common/policy/condition-value-error.ts';
import { compilePattern } from '../../../common/policy/pattern.ts';
import type { TargetKind } from './target-kinds.ts';
import type { PolicyRules } from './validation-context.ts';

/** Most combinations of names that are tried. */
const combinationsMax = 256;

/** What is known of a call only because a policy is about it, by variable and field. */
type Facts = Readonly<Partial<Record<ConditionVariable, Readonly<Record<string, string>>>>>;

/**
 * What a condition can be evaluated on before there is a call: one binding for each combination of the names
 * that its policy is about. What isn't known fails, which `&&` and `||` leave out of account where the rest
 * decides. None where the names aren't written out, or are too many.
 */
export function bindingsByTargets(
  rules: PolicyRules,
  kinds: ReadonlySet<TargetKind>,
): readonly ConditionBindings[] {
  const servers = exactNames(rules.servers);
  const methods = exactNames(rules.methods);
  const onlyKind = kinds.size === 1 ? [...kinds][0] : undefined;
  const named = onlyKind === undefined ? undefined : namesOf(rules, onlyKind);
  const choices = [
    (servers ?? [undefined]).map((slug): Facts => (slug === undefined ? {} : { server: { slug } })),
    (methods ?? [undefined]).map(
      (method): Facts => (method === undefined ? {} : { request: { method } }),
    ),
    (named ?? [undefined]).map((name): Facts => targetFacts(onlyKind, name)),
  ];
  const combinations = choices.reduce((count, { length }) => count * length, 1);
  if (combinations > combinationsMax) return [];
  return choices
    .reduce((all, choice) => all.flatMap((facts) => choice.map((more) => merged(facts, more))))
    .map(bindingsOf);
}

/** Nothing of a call is known. */
export const unknownBindings: ConditionBindings = bindingsOf({});

function namesOf(rules: PolicyRules, kind: TargetKind): readonly string[] | undefined {
  if (kind === 'tool') return exactNames(rules.tools);
  return kind === 'prompt' ? exactNames(rules.prompts) : undefined;
}

function targetFacts(kind: TargetKind | undefined, name: string | undefined): Facts {
  if (kind === undefined) return {};
  if (name === undefined) return { request: { kind } };
  const request = { kind, target: name };
  return kind === 'tool' ? { request, tool: { name } } : { request };
}

/** The names that patterns stand for, when none has a wildcard. */
function exactNames(patterns: readonly string[]): readonly string[] | undefined {
  const names = patterns.map((pattern) => compilePattern(pattern, 'name').exact);
  const exact = names.filter((name) => name !== undefined);
  return exact.length === names.length && exact.length > 0 ? exact : undefined;
}

function merged(left: Facts, right: Facts): Facts {
  return {
    ...left,
    ...right,
    request: { ...left.request, ...right.request },
  };
}

function bindingsOf(facts: Facts): ConditionBindings {
  const unknown = (): undefined => undefined;
  const known = (variable: ConditionVariable): (() => unknown) => {
    const fields = facts[variable];
    return fields === undefined ? unknown : () => partialValue(fields);
  };
  return {
    principal: unknown,
    server: known('server'),
    tool: known('tool'),
    args: unknown,
    request: known('request'),
    now: unknown,
  };
}

/** A map of which only some fields are known: to ask for others, or for all of them, fails. */
function partialValue(fields: Readonly<Record<string, string>>): CelMap {
  const map = celMap(new Map<string, CelValue>(Object.entries(fields)));
  const refuse = (): never => {
    throw new ConditionValueError('not known before a call');
  };
  map.has = (key) => map.get(key) !== undefined || refuse();
  map.keys = refuse;
  map.values = refuse;
  map.entries = refuse;
  map[Symbol.iterator] = refuse;
  Object.defineProperty(map, 'size', { get: refuse });
  return map;
}
