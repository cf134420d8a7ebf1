import {
  appendFunction,
  chargeFunction,
  emptyListFunction,
  rangeFunction,
} from './cel-environment.ts';
import { childrenOf, type Expr, type ExprOf } from './condition-syntax.ts';

/**
 * A syntax tree whose loops pay for what they go through, and for each round by the number of terms that it
 * evaluates, and collect their results into one list: the library makes a new list of all before for each round, which takes the square
 * of its length. Ids of terms stay.
 */
export function meterLoops(expr: Expr): Expr {
  const { exprKind } = expr;
  switch (exprKind.case) {
    case 'selectExpr': {
      const { operand } = exprKind.value;
      if (operand === undefined) return expr;
      const value = { ...exprKind.value, operand: meterLoops(operand) };
      return { ...expr, exprKind: { case: 'selectExpr', value } };
    }
    case 'callExpr':
      return { ...expr, exprKind: { case: 'callExpr', value: meterCall(exprKind.value) } };
    case 'listExpr': {
      const value = { ...exprKind.value, elements: exprKind.value.elements.map(meterLoops) };
      return { ...expr, exprKind: { case: 'listExpr', value } };
    }
    case 'structExpr': {
      const value = { ...exprKind.value, entries: exprKind.value.entries.map(meterEntry) };
      return { ...expr, exprKind: { case: 'structExpr', value } };
    }
    case 'comprehensionExpr': {
      const value = meterLoop(exprKind.value);
      return { ...expr, exprKind: { case: 'comprehensionExpr', value } };
    }
    case 'constExpr':
    case 'identExpr':
    case undefined:
      return expr;
  }
}

function meterCall(call: ExprOf<'callExpr'>): ExprOf<'callExpr'> {
  const args = call.args.map(meterLoops);
  return call.target === undefined
    ? { ...call, args }
    : { ...call, target: meterLoops(call.target), args };
}

type Entry = ExprOf<'structExpr'>['entries'][number];

function meterEntry(entry: Entry): Entry {
  const keyKind: Entry['keyKind'] =
    entry.keyKind.case === 'mapKey'
      ? { case: 'mapKey', value: meterLoops(entry.keyKind.value) }
      : entry.keyKind;
  return entry.value === undefined
    ? { ...entry, keyKind }
    : { ...entry, keyKind, value: meterLoops(entry.value) };
}

function meterLoop(loop: ExprOf<'comprehensionExpr'>): ExprOf<'comprehensionExpr'> {
  const { iterRange, accuInit, loopCondition, loopStep } = loop;
  if (!iterRange || !accuInit || !loopCondition || !loopStep) return loop;
  const collects = accuInit.exprKind.case === 'listExpr' && !isNonEmptyList(accuInit);
  const step = meterLoops(loopStep);
  return {
    ...loop,
    iterRange: callOf(iterRange.id, rangeFunction, [meterLoops(iterRange)]),
    accuInit: collects ? callOf(accuInit.id, emptyListFunction, []) : meterLoops(accuInit),
    loopCondition: callOf(loopCondition.id, chargeFunction, [
      meterLoops(loopCondition),
      intOf(loopCondition.id, termsOf(loopCondition) + termsOf(loopStep)),
    ]),
    loopStep: collects ? collecting(step, loop.accuVar) : step,
  };
}

function isNonEmptyList(expr: Expr): boolean {
  return expr.exprKind.case === 'listExpr' && expr.exprKind.value.elements.length > 0;
}

/** `accu + [item]` of `map` and `filter` as a call that appends; `_ ? accu + [item] : accu` likewise. */
function collecting(step: Expr, accuVar: string): Expr {
  if (step.exprKind.case !== 'callExpr') return step;
  const call = step.exprKind.value;
  if (call.function === '_?_:_') {
    const args = call.args.map((arg, index) => (index === 1 ? collecting(arg, accuVar) : arg));
    return { ...step, exprKind: { case: 'callExpr', value: { ...call, args } } };
  }
  const [accu, items] = call.args;
  const isAppend =
    call.function === '_+_' &&
    accu?.exprKind.case === 'identExpr' &&
    accu.exprKind.value.name === accuVar &&
    items?.exprKind.case === 'listExpr';
  const item =
    isAppend && items.exprKind.case === 'listExpr' ? items.exprKind.value.elements[0] : undefined;
  return accu === undefined || item === undefined
    ? step
    : callOf(step.id, appendFunction, [accu, item]);
}

/** Terms that one round evaluates at most; those of loops inside it are paid by these. */
function termsOf(expr: Expr): number {
  const { exprKind } = expr;
  if (exprKind.case === 'comprehensionExpr') {
    const { iterRange } = exprKind.value;
    return 1 + (iterRange === undefined ? 0 : termsOf(iterRange));
  }
  return childrenOf(expr).reduce((terms, child) => terms + termsOf(child), 1);
}

function callOf(id: bigint, name: string, args: Expr[]): Expr {
  return {
    $typeName: 'cel.expr.Expr',
    id,
    exprKind: {
      case: 'callExpr',
      value: { $typeName: 'cel.expr.Expr.Call', function: name, args },
    },
  };
}

function intOf(id: bigint, value: number): Expr {
  const constantKind = { case: 'int64Value', value: BigInt(value) } as const;
  return {
    $typeName: 'cel.expr.Expr',
    id,
    exprKind: { case: 'constExpr', value: { $typeName: 'cel.expr.Constant', constantKind } },
  };
}
