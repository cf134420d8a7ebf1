import {
  childrenOf,
  constantText,
  type Expr,
  type ParsedCondition,
  qualifiedName,
} from '../../../common/policy/condition-syntax.ts';
import type { ConditionType } from './condition-type.ts';
import { conditionFinding, type PolicyFinding } from './finding.ts';

/**
 * Arguments, headers and labels that a call may lack and that the condition reads without asking whether they
 * are there. It is enough that it asks anywhere.
 */
export function checkPresence(
  condition: ParsedCondition,
  args: ConditionType | undefined,
): PolicyFinding[] {
  const reads = new Map<string, Expr>();
  const asked = new Set<string>();
  const visit = (expr: Expr): void => {
    childrenOf(expr).forEach(visit);
    const key = keyOf(expr);
    if (key?.isQuestion === true) asked.add(key.path);
    else if (key !== undefined && !reads.has(key.path)) reads.set(key.path, expr);
  };
  visit(condition.root);
  const findings: PolicyFinding[] = [];
  for (const [path, expr] of reads) {
    if (asked.has(path) || isAlwaysThere(path, args)) continue;
    const name = path.slice(path.indexOf('/') + 1);
    const on = path.slice(0, path.indexOf('/'));
    findings.push(
      conditionFinding(
        'warning',
        'MAY_BE_ABSENT',
        condition.positionOf(expr),
        `The condition fails for calls without "${name.slice(0, 100)}", and so denies them.`,
        `Ask first: ${JSON.stringify(name.slice(0, 100))} in ${on} && …`,
      ),
    );
  }
  return findings;
}

function isAlwaysThere(path: string, args: ConditionType | undefined): boolean {
  if (!path.startsWith('args/')) return false;
  // Where nothing is known of the tools, nothing can be said.
  return args?.kind !== 'object' || args.always.has(path.slice('args/'.length));
}

const containers = ['args', 'request.headers', 'server.labels'];

/** `args.path`, `args["path"]`, `has(args.path)`, `"path" in args` as args/path. */
function keyOf(expr: Expr): { readonly path: string; readonly isQuestion: boolean } | undefined {
  const { exprKind } = expr;
  if (exprKind.case === 'selectExpr') {
    const on = containerOf(exprKind.value.operand);
    const { field, testOnly } = exprKind.value;
    return on === undefined ? undefined : { path: `${on}/${field}`, isQuestion: testOnly };
  }
  if (exprKind.case !== 'callExpr') return undefined;
  const { function: operator, args } = exprKind.value;
  const [left, right] = args;
  if (operator === '_[_]') return joined(containerOf(left), right, false);
  return operator === '@in' ? joined(containerOf(right), left, true) : undefined;
}

function joined(
  on: string | undefined,
  key: Expr | undefined,
  isQuestion: boolean,
): { readonly path: string; readonly isQuestion: boolean } | undefined {
  const name = key === undefined ? undefined : constantText(key);
  if (on === undefined || name === undefined) return undefined;
  return { path: `${on}/${name}`, isQuestion };
}

function containerOf(expr: Expr | undefined): string | undefined {
  const name = expr === undefined ? undefined : qualifiedName(expr);
  return containers.find((container) => container === name);
}
