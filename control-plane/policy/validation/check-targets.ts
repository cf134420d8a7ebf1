import { methodTable, targetKindsOf } from '../../../common/policy/method-targets.ts';
import { nearest } from '../../../common/policy/nearest-name.ts';
import { compilePattern, type PatternKind } from '../../../common/policy/pattern.ts';
import { canonicalResourcePattern } from '../../../common/policy/resource-pattern.ts';
import { fieldFinding, type PolicyFinding, type PolicyFindingCode } from './finding.ts';
import { matchedMethods, targetKinds } from './target-kinds.ts';
import type { KnownServer, PolicyRules, ValidationContext } from './validation-context.ts';

/** What can be said of whom and what a policy is about. */
export function checkTargets(rules: PolicyRules, context: ValidationContext): PolicyFinding[] {
  const servers = matchingServers(rules, context);
  return [
    ...checkServers(rules, context),
    ...rules.methods.flatMap((pattern, index) => checkMethod(pattern, index, rules)),
    ...checkCombination(rules),
    ...checkNames(rules.tools, servers, toolNames),
    ...checkNames(rules.prompts, servers, promptNames),
    ...checkNames(rules.resources, servers, resourceNames),
    ...checkSubjects(rules, context),
  ];
}

/** Servers that a policy is about. */
export function matchingServers(
  { servers }: PolicyRules,
  context: ValidationContext,
): readonly KnownServer[] {
  if (servers.length === 0) return context.servers;
  const patterns = servers.map((pattern) => compilePattern(pattern, 'name'));
  return context.servers.filter(({ slug }) => patterns.some((pattern) => pattern.matches(slug)));
}

function checkServers({ servers }: PolicyRules, context: ValidationContext): PolicyFinding[] {
  const slugs = context.servers.map(({ slug }) => slug);
  return servers.flatMap((pattern, index) => {
    if (pattern === '*' || slugs.some((slug) => compilePattern(pattern, 'name').matches(slug))) {
      return [];
    }
    const message = `No server is called ${quoted(pattern)}.`;
    return [warning('UNKNOWN_SERVER', `servers.${index}`, message, didYouMean(pattern, slugs))];
  });
}

function checkMethod(pattern: string, index: number, rules: PolicyRules): PolicyFinding[] {
  const field = `methods.${index}`;
  const { exact } = compilePattern(pattern, 'name');
  const known = exact === undefined ? matchedMethods(pattern) : [exact];
  if (exact !== undefined && !methodTable.has(exact)) {
    const hint = didYouMean(exact, methodTable.keys());
    return [warning('UNKNOWN_METHOD', field, `The protocol has no method ${quoted(exact)}.`, hint)];
  }
  if (known.length === 0) {
    const message = `The protocol has no method like ${quoted(pattern)}.`;
    return [warning('UNKNOWN_METHOD', field, message)];
  }
  const kinds = new Set(known.flatMap(targetKindsOf));
  if (exact !== undefined && kinds.has('implicit')) {
    const message = `${exact} is part of every session: no policy is asked about it.`;
    return [fieldFinding('error', 'METHOD_NOT_DECIDED', field, message)];
  }
  if (exact !== undefined && kinds.has('list') && kinds.size === 1 && rules.effect === 'allow') {
    const message = `${exact} is always allowed: its answer shows what the caller could use.`;
    return [fieldFinding('error', 'METHOD_NOT_DECIDED', field, message)];
  }
  return [];
}

function checkCombination(rules: PolicyRules): PolicyFinding[] {
  if (targetKinds(rules).size > 0) return [];
  const message = 'No method of the policy is about one of its tools, resources or prompts.';
  return [fieldFinding('error', 'TARGETS_NEVER_MATCH', 'methods', message)];
}

/** What of one kind servers offer; undefined: not known. */
interface OfferedNames {
  readonly list: 'tools' | 'prompts' | 'resources';
  readonly code: PolicyFindingCode;
  readonly patternKind: PatternKind;
  readonly of: (server: KnownServer) => Iterable<string> | undefined;
}
const toolNames: OfferedNames = {
  list: 'tools',
  code: 'UNKNOWN_TOOL',
  patternKind: 'name',
  of: ({ tools }) => tools?.keys(),
};
const promptNames: OfferedNames = {
  list: 'prompts',
  code: 'UNKNOWN_PROMPT',
  patternKind: 'name',
  of: ({ prompts }) => prompts,
};
const resourceNames: OfferedNames = {
  list: 'resources',
  code: 'UNKNOWN_RESOURCE',
  patternKind: 'path',
  // What templates stand for isn't listed anywhere.
  of: ({ resources, hasResourceTemplates }) => (hasResourceTemplates ? undefined : resources),
};

function checkNames(
  patterns: readonly string[],
  servers: readonly KnownServer[],
  offered: OfferedNames,
): PolicyFinding[] {
  const names = new Set<string>();
  for (const server of servers) {
    const known = offered.of(server);
    if (known === undefined) return [];
    for (const name of known) names.add(name);
  }
  if (servers.length === 0) return [];
  return patterns.flatMap((pattern, index) => {
    if (pattern === '*') return [];
    const written = offered.patternKind === 'path' ? canonicalResourcePattern(pattern) : pattern;
    const compiled = compilePattern(written, offered.patternKind);
    for (const name of names) if (compiled.matches(name)) return [];
    const message = `The servers of this policy offer nothing called ${quoted(pattern)}.`;
    const field = `${offered.list}.${index}`;
    return [warning(offered.code, field, message, didYouMean(pattern, names))];
  });
}

function checkSubjects(rules: PolicyRules, context: ValidationContext): PolicyFinding[] {
  return [
    ...checkListed(rules.roles, 'roles', context.roles, 'UNKNOWN_ROLE', 'role'),
    ...checkListed(rules.apiKeys, 'apiKeys', context.apiKeys, 'UNKNOWN_API_KEY', 'API key'),
    // Callers with a token of another issuer have subjects that nobody knows here.
    ...checkListed(
      rules.subjects,
      'subjects',
      context.subjects,
      'UNKNOWN_SUBJECT',
      'caller',
    ).filter(({ field }) =>
      /^(?:user|service):/.test(rules.subjects[Number(field.split('.')[1])] ?? ''),
    ),
  ];
}

function checkListed(
  items: readonly string[],
  list: string,
  known: ReadonlySet<string>,
  code: PolicyFindingCode,
  noun: string,
): PolicyFinding[] {
  return items.flatMap((item, index) => {
    if (known.has(item)) return [];
    const message = `The organization has no ${noun} ${quoted(item)}.`;
    return [warning(code, `${list}.${index}`, message, didYouMean(item, known))];
  });
}

function warning(
  code: PolicyFindingCode,
  field: string,
  message: string,
  hint = '',
): PolicyFinding {
  return fieldFinding('warning', code, field, message, hint);
}

function quoted(text: string): string {
  return `"${text.length > 100 ? `${text.slice(0, 99)}…` : text}"`;
}

function didYouMean(written: string, names: Iterable<string>): string {
  if (/[*?\\]/.test(written)) return '';
  const meant = nearest(written, names);
  return meant === undefined ? '' : `Did you mean ${meant}?`;
}
