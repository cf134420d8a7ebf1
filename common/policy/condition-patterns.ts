import { boundedPattern, PatternError } from './bounded-pattern.ts';
import {
  ConditionSyntaxError,
  childrenOf,
  type Expr,
  type ParsedCondition,
} from './condition-syntax.ts';

/**
 * Throws `ConditionSyntaxError` where `matches` is given a pattern that can't be used, or one that isn't
 * written out: a caller could choose it by its arguments.
 */
export function checkPatterns(condition: ParsedCondition): void {
  const visit = (expr: Expr): void => {
    const { exprKind } = expr;
    if (exprKind.case === 'callExpr' && exprKind.value.function === 'matches') {
      const [pattern] = exprKind.value.args;
      if (pattern !== undefined) checkPattern(condition, pattern);
    }
    childrenOf(expr).forEach(visit);
  };
  visit(condition.root);
}

function checkPattern(condition: ParsedCondition, pattern: Expr): void {
  const position = condition.positionOf(pattern);
  const constant =
    pattern.exprKind.case === 'constExpr' ? pattern.exprKind.value.constantKind : undefined;
  if (constant?.case !== 'stringValue') {
    const hint = 'write the pattern in quotes, or compare with contains() or startsWith()';
    throw new ConditionSyntaxError('matches() takes a pattern that is written out', position, hint);
  }
  try {
    boundedPattern(constant.value);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw new ConditionSyntaxError(error.message, position, patternHint(constant.value));
  }
}

function patternHint(pattern: string): string {
  if (/\(\?<?[=!]/.test(pattern)) return 'look-ahead and look-behind are not part of RE2';
  if (/\\[1-9]/.test(pattern)) return 'back references are not part of RE2';
  return '';
}
