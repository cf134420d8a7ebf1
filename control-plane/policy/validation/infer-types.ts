import type { ConditionVariable } from '../../../common/policy/condition.ts';
import { calledFunction, typeNames } from '../../../common/policy/condition-names.ts';
import type { Expr, ExprOf, ParsedCondition } from '../../../common/policy/condition-syntax.ts';
import { constantText, qualifiedName } from '../../../common/policy/condition-syntax.ts';
import { nearest } from '../../../common/policy/nearest-name.ts';
import {
  areComparable,
  bool,
  type ConditionType,
  dyn,
  eitherType,
  listOf,
  type ObjectType,
  string,
  typeName,
} from './condition-type.ts';
import { conditionFinding, type PolicyFinding, type PolicyFindingCode } from './finding.ts';
import { overloadsInWords, resultType, signatures } from './overloads.ts';

type Variables = Readonly<Record<ConditionVariable, ConditionType>>;
type Scope = ReadonlyMap<string, ConditionType>;

/**
 * What can be known of a condition's types before a call: fields that don't exist, operators that don't take
 * such values, comparisons that are never true. What is of any type counts as right.
 */
export function inferTypes(
  condition: ParsedCondition,
  variables: Variables,
  headers: ReadonlySet<string>,
): PolicyFinding[] {
  const inference = new Inference(condition, headers);
  const type = inference.typeOf(condition.root, new Map(Object.entries(variables)));
  if (inference.findings.length === 0 && type.kind !== 'bool' && type.kind !== 'dyn') {
    inference.report(
      'error',
      'NOT_BOOLEAN',
      condition.root,
      `The condition is ${article(type)}, neither true nor false.`,
      'Compare it with something.',
    );
  }
  return inference.findings;
}

function article(type: ConditionType): string {
  const name = typeName(type);
  return /^[aeiou]/.test(name) ? `an ${name}` : `a ${name}`;
}

class Inference {
  readonly findings: PolicyFinding[] = [];
  readonly #condition: ParsedCondition;
  readonly #headers: ReadonlySet<string>;

  constructor(condition: ParsedCondition, headers: ReadonlySet<string>) {
    this.#condition = condition;
    this.#headers = headers;
  }

  report(
    severity: PolicyFinding['severity'],
    code: PolicyFindingCode,
    expr: Expr,
    message: string,
    hint = '',
  ): void {
    const position = this.#condition.positionOf(expr);
    this.findings.push(conditionFinding(severity, code, position, message, hint));
  }

  typeOf(expr: Expr, scope: Scope): ConditionType {
    const { exprKind } = expr;
    switch (exprKind.case) {
      case 'constExpr':
        return constantType(exprKind.value);
      case 'identExpr':
        return identType(exprKind.value.name, scope);
      case 'selectExpr':
        return this.#selectType(expr, exprKind.value, scope);
      case 'callExpr':
        return this.#callType(expr, exprKind.value, scope);
      case 'listExpr':
        return listOf(eitherOf(exprKind.value.elements.map((item) => this.typeOf(item, scope))));
      case 'structExpr':
        return this.#mapType(exprKind.value, scope);
      case 'comprehensionExpr':
        return this.#loopType(expr, exprKind.value, scope);
      case undefined:
        return dyn;
    }
  }

  #selectType(expr: Expr, select: ExprOf<'selectExpr'>, scope: Scope): ConditionType {
    const name = qualifiedName(expr);
    if (name?.startsWith('google.protobuf.')) return { kind: 'type' };
    const operand = select.operand === undefined ? dyn : this.typeOf(select.operand, scope);
    const field = this.#fieldType(expr, operand, select.field);
    return select.testOnly ? bool : field;
  }

  /** The type of a field of this name; reports where there can't be one. */
  #fieldType(expr: Expr, type: ConditionType, name: string): ConditionType {
    if (type.kind === 'dyn') return dyn;
    if (type.kind === 'map') {
      if (type.about === 'request.headers') this.#checkHeader(expr, name);
      return type.value;
    }
    if (type.kind === 'object') return this.#objectFieldType(expr, type, name);
    this.report('error', 'UNKNOWN_FIELD', expr, `${sentence(article(type))} has no fields.`);
    return dyn;
  }

  #objectFieldType(expr: Expr, type: ObjectType, name: string): ConditionType {
    const known = type.fields.get(name);
    if (known !== undefined) return known;
    const meant = nearest(name, type.fields.keys());
    const isArgument = type.name === 'args' || type.name.startsWith('args.');
    const all = [...type.fields.keys()].slice(0, 20).join(', ');
    this.report(
      type.isOpen ? 'warning' : 'error',
      isArgument ? 'UNKNOWN_ARGUMENT' : 'UNKNOWN_FIELD',
      expr,
      isArgument
        ? `The tools of this policy say nothing of "${name}" in ${type.name}.`
        : `${type.name} has no field "${name}".`,
      meant === undefined ? (all === '' ? '' : `There is ${all}.`) : `Did you mean ${meant}?`,
    );
    return dyn;
  }

  #checkHeader(expr: Expr, name: string): void {
    if (this.#headers.has(name)) return;
    const lower = name.toLowerCase();
    const hint = this.#headers.has(lower)
      ? `Names of headers are in lower case: "${lower}".`
      : 'Add it to the headers that the organization lets policies read.';
    const message = `Conditions may not read the header "${name}".`;
    this.report('error', 'UNKNOWN_HEADER', expr, message, hint);
  }

  #callType(expr: Expr, call: ExprOf<'callExpr'>, scope: Scope): ConditionType {
    const { name, target } = calledFunction(call, signatures);
    const targetType = target === undefined ? undefined : this.typeOf(target, scope);
    const args = call.args.map((arg) => this.typeOf(arg, scope));
    const [first = dyn, second = dyn, third = dyn] = args;
    switch (name) {
      case '_&&_':
      case '_||_':
      case '!_':
        call.args.forEach((arg, index) => {
          this.#needsBool(arg, args[index] ?? dyn, name);
        });
        return bool;
      case '@not_strictly_false':
        return bool;
      case '_?_:_':
        if (call.args[0] !== undefined)
          this.#needsBool(call.args[0], first, 'the condition before ?');
        return eitherType(second, third);
      case '_[_]':
        return this.#indexType(expr, first, second, call.args[1]);
      case '_==_':
      case '_!=_':
        this.#checkEquality(expr, name, { left: first, right: second }, call.args);
        return bool;
      case '@in':
        this.#checkMembership(expr, first, second, call.args[0]);
        return bool;
      default:
        return this.#overloadType(expr, name, targetType, args);
    }
  }

  #needsBool(expr: Expr, type: ConditionType, operator: string): void {
    if (type.kind === 'bool' || type.kind === 'dyn') return;
    const what = operator.replaceAll('_', '');
    const message = `${sentence(article(type))} stands where ${what} needs true or false.`;
    this.report('error', 'TYPE_MISMATCH', expr, message);
  }

  #overloadType(
    expr: Expr,
    name: string,
    target: ConditionType | undefined,
    args: readonly ConditionType[],
  ): ConditionType {
    const type = resultType(name, target, args);
    if (type !== undefined) return type;
    const given = args.map(typeName).join(', ');
    const on = target === undefined ? '' : ` of ${article(target)}`;
    const spoken =
      name.startsWith('_') || name.startsWith('-') ? name.replaceAll('_', '') : `${name}()`;
    const overloads = overloadsInWords(name);
    this.report(
      'error',
      'TYPE_MISMATCH',
      expr,
      `${spoken}${on} does not take (${given}).`,
      mixedNumbers(args) || (overloads === '' ? '' : `It takes ${overloads}.`),
    );
    return dyn;
  }

  #indexType(
    expr: Expr,
    type: ConditionType,
    index: ConditionType,
    indexExpr: Expr | undefined,
  ): ConditionType {
    if (type.kind === 'dyn') return dyn;
    if (type.kind === 'list') {
      if (index.kind === 'string' || index.kind === 'bool') {
        this.report('error', 'TYPE_MISMATCH', expr, `A list has no element [${index.kind}].`);
      }
      return type.element;
    }
    const key = indexExpr === undefined ? undefined : constantText(indexExpr);
    if (key !== undefined) return this.#fieldType(indexExpr ?? expr, type, key);
    if (type.kind === 'map') return type.value;
    if (type.kind === 'object') return dyn;
    this.report('error', 'TYPE_MISMATCH', expr, `${sentence(article(type))} has no elements.`);
    return dyn;
  }

  #checkEquality(
    expr: Expr,
    operator: string,
    { left, right }: { readonly left: ConditionType; readonly right: ConditionType },
    operands: readonly Expr[],
  ): void {
    const outcome = operator === '_==_' ? 'never' : 'always';
    if (!areComparable(left, right)) {
      const message = `${sentence(article(left))} is compared with ${article(right)}: that is ${outcome} true.`;
      this.report('error', 'NEVER_EQUAL', expr, message, conversionHint(left, right));
      return;
    }
    this.#checkValues(expr, left, operands[1], outcome);
    this.#checkValues(expr, right, operands[0], outcome);
  }

  /** A text that can only be one of a few, compared with another. */
  #checkValues(
    expr: Expr,
    type: ConditionType,
    other: Expr | undefined,
    outcome: 'never' | 'always',
  ): void {
    const text = other === undefined ? undefined : constantText(other);
    if (text === undefined || type.kind !== 'string' || type.values === undefined) return;
    if (type.values.includes(text)) return;
    const meant = nearest(text, type.values);
    this.report(
      'error',
      'NEVER_EQUAL',
      expr,
      `This is ${outcome} true: the value is never "${text.slice(0, 100)}".`,
      meant === undefined
        ? `It is one of ${type.values.slice(0, 20).join(', ')}.`
        : `Did you mean "${meant}"?`,
    );
  }

  #checkMembership(
    expr: Expr,
    item: ConditionType,
    container: ConditionType,
    itemExpr: Expr | undefined,
  ): void {
    if (container.kind === 'dyn') return;
    if (container.kind === 'list') {
      if (areComparable(item, container.element)) return;
      const message = `${sentence(article(item))} is never in a list of ${typeName(container.element)}.`;
      const hint = conversionHint(item, container.element);
      this.report('error', 'NEVER_EQUAL', expr, message, hint);
      return;
    }
    if (container.kind !== 'map' && container.kind !== 'object') {
      const message = `${sentence(article(container))} holds nothing that in could look for.`;
      const hint = container.kind === 'string' ? 'Write text.contains("…").' : '';
      this.report('error', 'TYPE_MISMATCH', expr, message, hint);
      return;
    }
    const key = itemExpr === undefined ? undefined : constantText(itemExpr);
    if (key !== undefined) this.#fieldType(expr, container, key);
    else if (!areComparable(item, string)) {
      const message = `Keys are strings, and ${article(item)} is never one of them.`;
      this.report('error', 'NEVER_EQUAL', expr, message);
    }
  }

  #mapType(struct: ExprOf<'structExpr'>, scope: Scope): ConditionType {
    const values = struct.entries.map((entry) => {
      if (entry.keyKind.case === 'mapKey') this.typeOf(entry.keyKind.value, scope);
      return entry.value === undefined ? dyn : this.typeOf(entry.value, scope);
    });
    return { kind: 'map', value: eitherOf(values), about: '' };
  }

  #loopType(expr: Expr, loop: ExprOf<'comprehensionExpr'>, scope: Scope): ConditionType {
    const range = loop.iterRange === undefined ? dyn : this.typeOf(loop.iterRange, scope);
    const accumulated = loop.accuInit === undefined ? dyn : this.typeOf(loop.accuInit, scope);
    const item = this.#itemType(expr, range);
    const within = new Map([...scope, [loop.iterVar, item], [loop.accuVar, accumulated]]);
    if (loop.loopStep === undefined || loop.result === undefined) return dyn;
    const step = this.typeOf(loop.loopStep, within);
    const collects = accumulated.kind === 'list';
    return collects ? step : this.typeOf(loop.result, within);
  }

  #itemType(expr: Expr, range: ConditionType): ConditionType {
    if (range.kind === 'list') return range.element;
    if (range.kind === 'map' || range.kind === 'object') return string;
    if (range.kind === 'dyn') return dyn;
    const message = `${sentence(article(range))} holds nothing to go through.`;
    this.report('error', 'TYPE_MISMATCH', expr, message, 'Lists and maps do.');
    return dyn;
  }
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}

function eitherOf(types: readonly ConditionType[]): ConditionType {
  return types.length === 0 ? dyn : types.reduce(eitherType);
}

function identType(name: string, scope: Scope): ConditionType {
  const known = scope.get(name) ?? scope.get(name.replace(/^\./, ''));
  if (known !== undefined) return known;
  return typeNames.some((type) => type === name) ? { kind: 'type' } : dyn;
}

function constantType({ constantKind }: ExprOf<'constExpr'>): ConditionType {
  switch (constantKind.case) {
    case 'boolValue':
      return bool;
    case 'bytesValue':
      return { kind: 'bytes' };
    case 'doubleValue':
      return { kind: 'double' };
    case 'int64Value':
      return { kind: 'int' };
    case 'uint64Value':
      return { kind: 'uint' };
    case 'nullValue':
      return { kind: 'null' };
    case 'stringValue':
      return { kind: 'string' };
    default:
      return dyn;
  }
}

/** Arithmetic takes two numbers of one type, comparisons any two. */
function mixedNumbers(types: readonly ConditionType[]): string {
  const kinds = new Set(types.map(({ kind }) => kind));
  if (!kinds.has('int') || !kinds.has('double')) return '';
  return 'Write the whole number as 5.0, or convert with double() or int().';
}

function conversionHint(left: ConditionType, right: ConditionType): string {
  const kinds = new Set([left.kind, right.kind]);
  if (!kinds.has('string')) return '';
  if (kinds.has('int'))
    return 'Write the number without quotes, or convert with int() or string().';
  if (kinds.has('double')) return 'Write the number without quotes, or convert with double().';
  return kinds.has('bool') ? 'Write true and false without quotes.' : '';
}
