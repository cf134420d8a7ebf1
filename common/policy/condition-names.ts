import type { ConditionEnvironment } from './cel-environment.ts';
import { type ConditionVariable, conditionVariables } from './condition.ts';
import {
  ConditionSyntaxError,
  childrenOf,
  type Expr,
  type ExprOf,
  type ParsedCondition,
  qualifiedName,
} from './condition-syntax.ts';
import { nearest } from './nearest-name.ts';

/** Names of types, which are values in CEL: `type(args.x) == string`. */
export const typeNames = [
  'bool',
  'bytes',
  'double',
  'int',
  'list',
  'map',
  'null_type',
  'string',
  'type',
  'uint',
] as const;
const timeTypes = ['google.protobuf.Timestamp', 'google.protobuf.Duration'];

/** What macros are written like; the parser expands them where their arguments are right. */
const macros = ['has', 'all', 'exists', 'exists_one', 'map', 'filter'];

/** Name of a function that is called, its namespace included, and whether it is called on a value. */
export function calledFunction(
  call: ExprOf<'callExpr'>,
  env: ConditionEnvironment,
): { readonly name: string; readonly target: Expr | undefined } {
  const namespace = call.target === undefined ? undefined : qualifiedName(call.target);
  const qualified = namespace === undefined ? undefined : `${namespace}.${call.function}`;
  if (qualified !== undefined && env.funcs.find(qualified) !== undefined) {
    return { name: qualified, target: undefined };
  }
  return { name: call.function, target: call.target };
}

/** Operators that the library evaluates itself, without a function. */
const builtInOperators = new Set(['_&&_', '_||_', '_?_:_', '_[_]', '@not_strictly_false']);

/**
 * The variables that a condition reads. Throws `ConditionSyntaxError` for a name or function that doesn't
 * exist: it would fail on every call.
 */
export function readVariables(
  condition: ParsedCondition,
  env: ConditionEnvironment,
): ReadonlySet<ConditionVariable> {
  const reads = new Set<ConditionVariable>();
  const visit = (expr: Expr, scope: ReadonlySet<string>): void => {
    const { exprKind } = expr;
    const name = qualifiedName(expr);
    if (name !== undefined && timeTypes.includes(name)) return;
    if (exprKind.case === 'comprehensionExpr') {
      visitLoop(exprKind.value, scope, visit);
      return;
    }
    if (exprKind.case === 'identExpr') {
      const variable = knownVariable(condition, expr, exprKind.value.name, scope);
      if (variable !== undefined) reads.add(variable);
    }
    if (exprKind.case === 'structExpr' && exprKind.value.messageName !== '') {
      const message = `a condition can't make a ${exprKind.value.messageName}`;
      throw new ConditionSyntaxError(message, condition.positionOf(expr));
    }
    const children =
      exprKind.case === 'callExpr'
        ? knownCall(condition, expr, exprKind.value, env)
        : childrenOf(expr);
    for (const child of children) visit(child, scope);
  };
  visit(condition.root, new Set());
  return reads;
}

/** The values that a known function is called on. */
function knownCall(
  condition: ParsedCondition,
  expr: Expr,
  call: ExprOf<'callExpr'>,
  env: ConditionEnvironment,
): readonly Expr[] {
  const { name, target } = calledFunction(call, env);
  if (!builtInOperators.has(name) && env.funcs.find(name) === undefined) {
    throw unknownFunction(condition, expr, call, env);
  }
  return target === undefined ? call.args : [target, ...call.args];
}

function visitLoop(
  loop: ExprOf<'comprehensionExpr'>,
  scope: ReadonlySet<string>,
  visit: (expr: Expr, scope: ReadonlySet<string>) => void,
): void {
  if (loop.iterRange !== undefined) visit(loop.iterRange, scope);
  const within = new Set([...scope, loop.iterVar, loop.accuVar]);
  const { accuInit, loopCondition, loopStep, result } = loop;
  for (const expr of [accuInit, loopCondition, loopStep, result]) {
    if (expr !== undefined) visit(expr, within);
  }
}

function knownVariable(
  condition: ParsedCondition,
  expr: Expr,
  written: string,
  scope: ReadonlySet<string>,
): ConditionVariable | undefined {
  if (scope.has(written)) return undefined;
  // A dot in front reads past the variables of loops.
  const name = written.replace(/^\./, '');
  const variable = conditionVariables.find((known) => known === name);
  if (variable !== undefined || typeNames.some((type) => type === name)) return variable;
  const meant = nearest(
    name,
    [...scope, ...conditionVariables].filter((known) => !known.startsWith('@')),
  );
  throw new ConditionSyntaxError(
    `there is no variable "${name}"`,
    condition.positionOf(expr),
    meant === undefined
      ? `variables are ${conditionVariables.join(', ')}`
      : `did you mean ${meant}?`,
  );
}

function unknownFunction(
  condition: ParsedCondition,
  expr: Expr,
  call: ExprOf<'callExpr'>,
  env: ConditionEnvironment,
): ConditionSyntaxError {
  const name = call.function;
  const position = condition.positionOf(expr);
  if (macros.includes(name)) {
    const usage =
      name === 'has'
        ? 'has() takes a field, such as has(args.path)'
        : `write list.${name}(item, …)`;
    return new ConditionSyntaxError(`${name}() is not called like this`, position, usage);
  }
  const meant = nearest(name, [...functionNames(env), ...macros]);
  return new ConditionSyntaxError(
    `there is no function "${name}"`,
    position,
    meant === undefined ? '' : `did you mean ${meant}()?`,
  );
}

/** Names of the functions that a source can call, without operators. */
function functionNames(env: ConditionEnvironment): string[] {
  const names = new Set<string>();
  for (const { name } of env.funcs) if (/^[A-Za-z][\w.]*$/.test(name)) names.add(name);
  return [...names];
}
