import { unparse } from '@bufbuild/cel';
import { addressRange } from '../../../common/policy/address-range.ts';
import { compileCondition } from '../../../common/policy/compile-condition.ts';
import {
  childrenOf,
  constantText,
  type Expr,
  type ExprOf,
  type ParsedCondition,
} from '../../../common/policy/condition-syntax.ts';
import { ConditionValueError, shownReason } from '../../../common/policy/condition-value-error.ts';
import { pathStyles, pathUnder } from '../../../common/policy/path-under.ts';
import { wallTime } from '../../../common/policy/zoned-time.ts';
import { conditionFinding, type PolicyFinding } from './finding.ts';
import { unknownBindings } from './known-facts.ts';

/** Most terms without variables that are tried. */
const triedMax = 200;

/** Terms that fail whatever the call is: ranges, folders, zones and times that are written wrongly. */
export function checkConstants(condition: ParsedCondition): PolicyFinding[] {
  const findings: PolicyFinding[] = [];
  let tried = 0;
  const report = (expr: Expr, reason: string): void => {
    const message = `This fails for every call: ${reason}.`;
    const position = condition.positionOf(expr);
    findings.push(conditionFinding('error', 'ALWAYS_FAILS', position, message));
  };
  const visit = (expr: Expr): void => {
    const { exprKind } = expr;
    if (exprKind.case === 'callExpr') {
      const fault = faultOfCall(exprKind.value);
      if (fault !== undefined) {
        report(expr, fault);
        return;
      }
      if (isConstant(expr) && tried < triedMax) {
        tried += 1;
        const failure = failureOf(condition, expr);
        if (failure !== undefined) report(expr, failure);
        return;
      }
    }
    childrenOf(expr).forEach(visit);
  };
  visit(condition.root);
  return findings;
}

/** What is wrong with the written-out arguments of a call. */
function faultOfCall(call: ExprOf<'callExpr'>): string | undefined {
  const [first, second, third] = call.args.map(constantText);
  if (call.function === 'inCidr' && second !== undefined)
    return faultOf(() => addressRange(second));
  if (call.function === 'pathUnder' && second !== undefined) {
    const style = call.args.length > 2 ? pathStyles.find((known) => known === third) : 'posix';
    return style === undefined
      ? faultOfStyle(third)
      : faultOf(() => pathUnder(second, second, style))?.replace('the path', 'the folder');
  }
  const isClock = call.function.startsWith('get') && call.args.length === 1;
  return isClock && first !== undefined ? faultOf(() => wallTime(0, first)) : undefined;
}

function faultOfStyle(style: string | undefined): string | undefined {
  return style === undefined ? undefined : `the style is none of ${pathStyles.join(', ')}`;
}

function faultOf(attempt: () => unknown): string | undefined {
  try {
    attempt();
    return undefined;
  } catch (error) {
    if (!(error instanceof ConditionValueError)) throw error;
    return shownReason(error.message);
  }
}

/** True for a term without variables and loops. */
function isConstant(expr: Expr): boolean {
  const { exprKind } = expr;
  if (exprKind.case === 'identExpr' || exprKind.case === 'comprehensionExpr') return false;
  return childrenOf(expr).every(isConstant);
}

/** Why a term without variables fails; `&&` and `||` forgive, so that they are looked into. */
function failureOf(condition: ParsedCondition, expr: Expr): string | undefined {
  const parsed = { $typeName: 'cel.expr.ParsedExpr', expr } as const;
  const { sourceInfo } = condition;
  const text = unparse(sourceInfo === undefined ? parsed : { ...parsed, sourceInfo });
  try {
    const outcome = compileCondition(`[${text}].size() == 1`).evaluate(unknownBindings);
    return outcome.kind === 'failed' ? outcome.message.replace(/, in .*$/s, '') : undefined;
  } catch {
    // Written out anew it is too long, or isn't quite what it was: then nothing can be said.
    return undefined;
  }
}
