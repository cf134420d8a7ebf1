import { compileCondition } from '../../../common/policy/compile-condition.ts';
import type { ConditionVariable } from '../../../common/policy/condition.ts';
import type { Expr, ParsedCondition } from '../../../common/policy/condition-syntax.ts';
import { childrenOf, constantText } from '../../../common/policy/condition-syntax.ts';
import { compilePattern, type Pattern } from '../../../common/policy/pattern.ts';
import { conditionFinding, type PolicyFinding } from './finding.ts';
import { type TargetKind, targetKinds } from './target-kinds.ts';
import type { PolicyRules } from './validation-context.ts';

/** How deep loops may stand in one another. */
const loopDepthMax = 3;

/** What a condition reads that not all calls have which its policy is about. */
export function checkVariables(condition: ParsedCondition, rules: PolicyRules): PolicyFinding[] {
  const kinds = targetKinds(rules);
  const { reads } = compileCondition(condition.source);
  const findings: PolicyFinding[] = [];
  const check = (variable: 'tool' | 'args', allowed: readonly TargetKind[], hint: string): void => {
    const others = [...kinds].filter((kind) => !allowed.includes(kind));
    // A loop may call its item by the same name.
    const isRead = others.length > 0 && reads.has(variable);
    const where = isRead ? firstRead(condition.root, variable) : undefined;
    if (where === undefined) return;
    const message = `The policy is also about calls without ${variable === 'tool' ? 'a tool' : 'arguments'} (${others.join(', ')}): there the condition fails.`;
    const position = condition.positionOf(where);
    findings.push(conditionFinding('error', 'TARGETS_TOO_WIDE', position, message, hint));
  };
  check('tool', ['tool'], 'Name tools, "*" for all, or only methods such as tools/call.');
  check(
    'args',
    ['tool', 'prompt'],
    'Name tools or prompts, "*" for all, or only methods such as tools/call.',
  );
  return findings;
}

/** Loops in loops, whose cost grows with the product of the lists' lengths. */
export function checkLoops(condition: ParsedCondition): PolicyFinding[] {
  let deepest: { readonly expr: Expr; readonly depth: number } | undefined;
  const visit = (expr: Expr, depth: number): void => {
    const isLoop = expr.exprKind.case === 'comprehensionExpr';
    const within = isLoop ? depth + 1 : depth;
    if (isLoop && within > (deepest?.depth ?? 1)) deepest = { expr, depth: within };
    for (const child of childrenOf(expr)) visit(child, within);
  };
  visit(condition.root, 0);
  if (deepest === undefined) return [];
  const { expr, depth } = deepest;
  return [
    conditionFinding(
      depth > loopDepthMax ? 'error' : 'warning',
      'TOO_COSTLY',
      condition.positionOf(expr),
      `${depth} loops stand in one another: on long lists the condition takes too long and fails.`,
      'Compare lists with in where one of them is known.',
    ),
  ];
}

/** Comparisons with names that a policy is not about. */
export function checkComparedNames(
  condition: ParsedCondition,
  rules: PolicyRules,
): PolicyFinding[] {
  const { reads } = compileCondition(condition.source);
  const compared = comparedNames(rules).filter(({ path }) => reads.has(path[0]));
  const findings: PolicyFinding[] = [];
  const visit = (expr: Expr): void => {
    childrenOf(expr).forEach(visit);
    if (expr.exprKind.case !== 'callExpr' || expr.exprKind.value.args.length !== 2) return;
    const { function: operator, args } = expr.exprKind.value;
    if (operator !== '_==_' && operator !== '@in') return;
    const [left, right] = args;
    const of = compared.find(({ path }) => [left, right].some((side) => isPath(side, path)));
    if (of === undefined) return;
    const texts = args.flatMap(textsOf);
    if (
      texts.length === 0 ||
      texts.some((text) => of.patterns.some((each) => each.matches(text)))
    ) {
      return;
    }
    findings.push(
      conditionFinding(
        'error',
        'NEVER_EQUAL',
        condition.positionOf(expr),
        `This is never true: the policy is about other ${of.list}.`,
        `Its ${of.list} are ${of.written.slice(0, 10).join(', ')}.`,
      ),
    );
  };
  visit(condition.root);
  return findings;
}

interface ComparedName {
  readonly path: readonly [ConditionVariable, string];
  readonly list: string;
  readonly written: readonly string[];
  readonly patterns: readonly Pattern[];
}

function comparedNames(rules: PolicyRules): readonly ComparedName[] {
  const kinds = targetKinds(rules);
  const names: ComparedName[] = [];
  const add = (
    variable: ConditionVariable,
    field: string,
    list: 'servers' | 'methods' | 'tools' | 'prompts',
  ): void => {
    const written = rules[list];
    if (written.length === 0) return;
    const patterns = written.map((pattern) => compilePattern(pattern, 'name'));
    names.push({ path: [variable, field], list, written, patterns });
  };
  add('server', 'slug', 'servers');
  add('request', 'method', 'methods');
  add('tool', 'name', 'tools');
  if (kinds.size === 1 && kinds.has('tool')) add('request', 'target', 'tools');
  if (kinds.size === 1 && kinds.has('prompt')) add('request', 'target', 'prompts');
  return names;
}

function isPath(expr: Expr | undefined, [variable, field]: readonly [string, string]): boolean {
  if (expr?.exprKind.case !== 'selectExpr') return false;
  const { operand, field: selected, testOnly } = expr.exprKind.value;
  return (
    !testOnly &&
    selected === field &&
    operand?.exprKind.case === 'identExpr' &&
    operand.exprKind.value.name === variable
  );
}

function textsOf(expr: Expr): readonly string[] {
  const { exprKind } = expr;
  if (exprKind.case === 'listExpr') {
    const texts = exprKind.value.elements.flatMap(textsOf);
    return texts.length === exprKind.value.elements.length ? texts : [];
  }
  const text = constantText(expr);
  return text === undefined ? [] : [text];
}

function firstRead(root: Expr, variable: string): Expr | undefined {
  if (
    root.exprKind.case === 'identExpr' &&
    root.exprKind.value.name.replace(/^\./, '') === variable
  )
    return root;
  for (const child of childrenOf(root)) {
    const found = firstRead(child, variable);
    if (found !== undefined) return found;
  }
  return undefined;
}
