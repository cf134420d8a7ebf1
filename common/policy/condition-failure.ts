import { type CelError, unparse } from '@bufbuild/cel';
import { childrenOf, type Expr, type ParsedCondition } from './condition-syntax.ts';
import { shownReason } from './condition-value-error.ts';

/** Most characters of a message about a failure. */
const failureCharsMax = 300;

/**
 * Why a condition failed, without a value of the call: the library's messages may quote arguments, so that
 * only those pass that are known not to.
 */
export function describeFailure(condition: ParsedCondition, error: CelError): string {
  const expr = error.exprId === undefined ? undefined : failedTerm(condition.root, error.exprId);
  const why = failureReason(error);
  if (expr === undefined) return shorten(why);
  const { line, column } = condition.positionOf(expr);
  return shorten(`${why}, in ${textOf(condition, expr)} (line ${line}, column ${column})`);
}

/** Why a condition failed, without saying where and without a value of the call. */
export function failureReason(error: CelError): string {
  const { message } = error;
  const own = shownReason(message);
  if (own !== undefined) return own;
  if (message.startsWith('field not found')) return 'there is no such field';
  if (/^index .* out of bounds/s.test(message)) return 'there is no such element';
  if (message === 'unresolved attribute') return 'there is no such value';
  const overload = /^found no matching overload for '([^']*)' applied to '([^']*)'$/.exec(message);
  if (overload !== null) return `${spoken(overload[1])} can't be applied to ${overload[2]}`;
  const expected = /^type mismatch: (expected bool, got|iterable vs) (\w+)/.exec(message);
  if (expected !== null) {
    return `${expected[2]} is ${message.includes('bool') ? 'not true or false' : 'not a list or map'}`;
  }
  if (/ (?:divide|modulus) by zero$/.test(message)) return 'a division by zero';
  if (/overflow/.test(message)) return 'a number is too large';
  return 'a value is not what this needs';
}

/** `_<_` as `<`. */
function spoken(name: string | undefined): string {
  return (name ?? '').replaceAll('_', '').replace('@in', 'in');
}

/**
 * The term of an id. For an element of a list or map the library gives the id of what the chain begins with:
 * then the whole chain.
 */
function failedTerm(root: Expr, id: bigint): Expr | undefined {
  if (root.id === id || headOf(root)?.id === id) return root;
  for (const child of childrenOf(root)) {
    const found = failedTerm(child, id);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What a chain that ends with an index begins with: `args` of `args.list[0]`. */
function headOf(expr: Expr): Expr | undefined {
  const { exprKind } = expr;
  if (exprKind.case !== 'callExpr' || exprKind.value.function !== '_[_]') return undefined;
  let head = exprKind.value.args[0];
  for (let next = head; next !== undefined; next = operandOf(next)) head = next;
  return head;
}

function operandOf({ exprKind }: Expr): Expr | undefined {
  if (exprKind.case === 'selectExpr') return exprKind.value.operand;
  return exprKind.case === 'callExpr' && exprKind.value.function === '_[_]'
    ? exprKind.value.args[0]
    : undefined;
}

function textOf(condition: ParsedCondition, expr: Expr): string {
  const { sourceInfo } = condition;
  const parsed = { $typeName: 'cel.expr.ParsedExpr', expr } as const;
  const text = unparse(sourceInfo === undefined ? parsed : { ...parsed, sourceInfo });
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}

function shorten(text: string): string {
  return text.length > failureCharsMax ? `${text.slice(0, failureCharsMax - 1)}…` : text;
}
