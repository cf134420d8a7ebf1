import { parse } from '@bufbuild/cel';
import { syntaxFault } from './syntax-fault.ts';

/** Most characters of a condition's source. */
const conditionCharsMax = 8192;
/** Most terms of a condition, counted as nodes of its syntax tree. */
const conditionNodesMax = 4000;
/** How deep terms may stand inside one another: a walk over them must not exhaust the stack. */
const conditionDepthMax = 128;

type Parsed = ReturnType<typeof parse>;
/** A node of a condition's syntax tree, macros expanded. */
export type Expr = NonNullable<Parsed['expr']>;
export type ExprOf<Case extends NonNullable<Expr['exprKind']['case']>> = Extract<
  Expr['exprKind'],
  { case: Case }
>['value'];

/** Where in a source something stands, both from 1. */
export interface SourcePosition {
  readonly line: number;
  readonly column: number;
}

/** A condition that can't be evaluated on any call. */
export class ConditionSyntaxError extends Error implements SourcePosition {
  override readonly name = 'ConditionSyntaxError';
  readonly line: number;
  readonly column: number;
  /** What to write instead; empty: nothing to say. */
  readonly hint: string;

  constructor(message: string, position: SourcePosition, hint = '') {
    super(message);
    this.line = position.line;
    this.column = position.column;
    this.hint = hint;
  }
}

/** A condition read into its syntax tree. */
export interface ParsedCondition {
  readonly source: string;
  readonly root: Expr;
  readonly sourceInfo: Parsed['sourceInfo'];
  /** Where a term stands: an operator's sign, a field's name, a method's name, else its first character. */
  positionOf(expr: Pick<Expr, 'id'>): SourcePosition;
}

/** Reads a condition. Throws `ConditionSyntaxError` for what isn't CEL or is beyond the bounds. */
export function parseCondition(source: string): ParsedCondition {
  if (source.length > conditionCharsMax) {
    throw new ConditionSyntaxError(
      `the condition has ${source.length} characters, ${conditionCharsMax} are allowed`,
      { line: 1, column: 1 },
      'say it in several policies',
    );
  }
  const { expr, sourceInfo } = parseOrExplain(source);
  const positions = sourceInfo?.positions ?? {};
  const condition: ParsedCondition = {
    source,
    root: expr,
    sourceInfo,
    positionOf: ({ id }) => positionAt(source, positions[id.toString()] ?? 0),
  };
  checkBounds(condition);
  return condition;
}

function parseOrExplain(source: string): { expr: Expr; sourceInfo: Parsed['sourceInfo'] } {
  try {
    const { expr, sourceInfo } = parse(source);
    if (expr !== undefined) return { expr, sourceInfo };
  } catch (error) {
    throw asSyntaxError(source, error);
  }
  throw new ConditionSyntaxError('the condition is empty', { line: 1, column: 1 });
}

function asSyntaxError(source: string, error: unknown): ConditionSyntaxError {
  if (error instanceof RangeError) {
    return new ConditionSyntaxError('brackets are nested too deep', { line: 1, column: 1 });
  }
  const offset = offsetOf(error);
  if (offset === undefined) {
    const message = error instanceof Error ? error.message : 'it is not CEL';
    return new ConditionSyntaxError(message, { line: 1, column: 1 });
  }
  const fault = syntaxFault(source, offset);
  return new ConditionSyntaxError(fault.message, positionAt(source, fault.offset), fault.hint);
}

/** Where the parser gave up: its errors say so, though their type is not published. */
function offsetOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('location' in error)) return undefined;
  const { location } = error;
  if (typeof location !== 'object' || location === null || !('start' in location)) return undefined;
  const { start } = location;
  if (typeof start !== 'object' || start === null || !('offset' in start)) return undefined;
  return typeof start.offset === 'number' ? start.offset : undefined;
}

function checkBounds(condition: ParsedCondition): void {
  let nodes = 0;
  const visit = (expr: Expr, depth: number): void => {
    nodes += 1;
    if (nodes > conditionNodesMax || depth > conditionDepthMax) {
      const what = depth > conditionDepthMax ? 'is nested too deep' : 'has too many terms';
      throw new ConditionSyntaxError(`the condition ${what}`, condition.positionOf(expr));
    }
    for (const child of childrenOf(expr)) visit(child, depth + 1);
  };
  visit(condition.root, 1);
}

function positionAt(source: string, nodeOffset: number): SourcePosition {
  // The parser counts the dot of a field, and the blanks before an operator, to what follows them.
  const lead = /^\s*\.?\s*(?=[^\s\d])/.exec(source.slice(nodeOffset))?.[0].length ?? 0;
  const offset = nodeOffset + lead;
  const before = source.slice(0, offset);
  const lineStart = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: offset - lineStart + 1 };
}

/** The terms right inside a term, in the order in which they are written. */
export function childrenOf(expr: Expr): readonly Expr[] {
  const { exprKind } = expr;
  switch (exprKind.case) {
    case 'selectExpr':
      return present(exprKind.value.operand);
    case 'callExpr':
      return [...present(exprKind.value.target), ...exprKind.value.args];
    case 'listExpr':
      return exprKind.value.elements;
    case 'structExpr':
      return exprKind.value.entries.flatMap((entry) => [
        ...(entry.keyKind.case === 'mapKey' ? [entry.keyKind.value] : []),
        ...present(entry.value),
      ]);
    case 'comprehensionExpr': {
      const { iterRange, accuInit, loopCondition, loopStep, result } = exprKind.value;
      return [iterRange, accuInit, loopCondition, loopStep, result].flatMap(present);
    }
    case 'constExpr':
    case 'identExpr':
    case undefined:
      return [];
  }
}

function present(expr: Expr | undefined): readonly Expr[] {
  return expr === undefined ? [] : [expr];
}

/** The text that a term is when it is written out in quotes. */
export function constantText({ exprKind }: Expr): string | undefined {
  const constant = exprKind.case === 'constExpr' ? exprKind.value.constantKind : undefined;
  return constant?.case === 'stringValue' ? constant.value : undefined;
}

/** A name with dots, such as `request.method`, when a term is nothing but that. */
export function qualifiedName(expr: Expr): string | undefined {
  const { exprKind } = expr;
  if (exprKind.case === 'identExpr') return exprKind.value.name;
  if (exprKind.case !== 'selectExpr' || exprKind.value.testOnly) return undefined;
  const operand = exprKind.value.operand;
  const parent = operand === undefined ? undefined : qualifiedName(operand);
  return parent === undefined ? undefined : `${parent}.${exprKind.value.field}`;
}
