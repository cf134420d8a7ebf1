import { compileCondition } from '../../../common/policy/compile-condition.ts';
import { ConditionSyntaxError, parseCondition } from '../../../common/policy/condition-syntax.ts';
import { compilePattern } from '../../../common/policy/pattern.ts';
import { eitherArguments } from './argument-type.ts';
import { checkConstancy } from './check-constancy.ts';
import { checkConstants } from './check-constants.ts';
import { checkPresence } from './check-presence.ts';
import { checkComparedNames, checkLoops, checkVariables } from './check-reads.ts';
import { checkRoles } from './check-roles.ts';
import { checkTargets, matchingServers } from './check-targets.ts';
import type { ConditionType } from './condition-type.ts';
import { declaredTypes } from './declared-types.ts';
import { conditionFinding, type PolicyFinding } from './finding.ts';
import { inferTypes } from './infer-types.ts';
import type { PolicyRules, ValidationContext } from './validation-context.ts';

/** Most findings about one policy. */
const findingsMax = 50;

/**
 * What a policy's author should know before it decides about calls: errors first, then warnings. A policy
 * without errors can be compiled by every node. Its form (lengths, characters) is checked elsewhere.
 */
export function validatePolicy(rules: PolicyRules, context: ValidationContext): PolicyFinding[] {
  const findings = [...checkTargets(rules, context), ...checkCondition(rules, context)];
  const severities = ['error', 'warning'] as const;
  return severities
    .flatMap((severity) => findings.filter((finding) => finding.severity === severity))
    .slice(0, findingsMax);
}

function checkCondition(rules: PolicyRules, context: ValidationContext): PolicyFinding[] {
  const { condition: source } = rules;
  if (source.trim() === '') return [];
  try {
    compileCondition(source);
  } catch (error) {
    if (!(error instanceof ConditionSyntaxError)) throw error;
    return [
      conditionFinding('error', 'SYNTAX', error, sentence(error.message), sentence(error.hint)),
    ];
  }
  const condition = parseCondition(source);
  const args = knownArguments(rules, context);
  const types = inferTypes(condition, declaredTypes(args), context.policyHeaders);
  const rest = [
    ...types,
    ...checkVariables(condition, rules),
    ...checkComparedNames(condition, rules),
    ...checkLoops(condition),
    ...checkConstants(condition),
    ...checkRoles(condition, context.roles),
    ...checkPresence(condition, args),
  ];
  // What never can be evaluated is constant, too; that says less.
  const isSound = rest.every(({ severity }) => severity !== 'error');
  return isSound ? [...rest, ...checkConstancy(condition, rules)] : rest;
}

/** What the tools take that a policy names, when it names nothing else and all of them are known. */
function knownArguments(rules: PolicyRules, context: ValidationContext): ConditionType | undefined {
  const names = rules.tools.map((pattern) => compilePattern(pattern, 'name').exact);
  if (names.length === 0 || rules.prompts.length > 0) return undefined;
  const schemas: unknown[] = [];
  for (const name of names) {
    const offering = matchingServers(rules, context).filter(
      ({ tools }) => name !== undefined && tools?.has(name),
    );
    if (name === undefined || offering.length === 0) return undefined;
    for (const { tools } of offering) schemas.push(tools?.get(name));
  }
  return eitherArguments(schemas);
}

function sentence(text: string): string {
  if (text === '') return '';
  const ended = /[.?!]$/.test(text) ? text : `${text}.`;
  return `${ended.slice(0, 1).toUpperCase()}${ended.slice(1)}`;
}
