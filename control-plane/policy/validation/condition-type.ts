/** A type of CEL as far as it is known before a call. */
export type ConditionType =
  | { readonly kind: 'dyn' | ScalarKind }
  /** `values`: all that it can be, where that is known. */
  | { readonly kind: 'string'; readonly values?: readonly string[] }
  | { readonly kind: 'list'; readonly element: ConditionType }
  /** Keys are texts that nobody knows before a call. */
  | { readonly kind: 'map'; readonly value: ConditionType; readonly about: string }
  | ObjectType;

type ScalarKind =
  | 'bool'
  | 'bytes'
  | 'double'
  | 'duration'
  | 'int'
  | 'null'
  | 'timestamp'
  | 'type'
  | 'uint';

/** A map whose keys are known. */
export interface ObjectType {
  readonly kind: 'object';
  /** How it is called in findings, such as `principal`. */
  readonly name: string;
  readonly fields: ReadonlyMap<string, ConditionType>;
  /** Fields that every call has. */
  readonly always: ReadonlySet<string>;
  /** True when there may be fields besides. */
  readonly isOpen: boolean;
}

export const dyn: ConditionType = { kind: 'dyn' };
export const bool: ConditionType = { kind: 'bool' };
export const string: ConditionType = { kind: 'string' };

export function oneOf(...values: readonly string[]): ConditionType {
  return { kind: 'string', values };
}

export function listOf(element: ConditionType): ConditionType {
  return { kind: 'list', element };
}

/** An object that has all of its fields on every call. */
export function objectOf(name: string, fields: Record<string, ConditionType>): ObjectType {
  const entries = new Map(Object.entries(fields));
  return { kind: 'object', name, fields: entries, always: new Set(entries.keys()), isOpen: false };
}

/** The type as CEL calls it. */
export function typeName(type: ConditionType): string {
  if (type.kind === 'object') return 'map';
  return type.kind === 'null' ? 'null_type' : type.kind;
}

const numbers: ReadonlySet<string> = new Set(['int', 'uint', 'double']);

/** Whether values of both types can be equal. */
export function areComparable(left: ConditionType, right: ConditionType): boolean {
  if (left.kind === 'dyn' || right.kind === 'dyn') return true;
  // A caller may send null for whatever a tool's schema says.
  if (left.kind === 'null' || right.kind === 'null') return true;
  if (numbers.has(left.kind) && numbers.has(right.kind)) return true;
  return typeName(left) === typeName(right);
}

/** The type of a value that is of either type. */
export function eitherType(left: ConditionType, right: ConditionType): ConditionType {
  if (left === right) return left;
  if (left.kind !== right.kind) return dyn;
  if (left.kind === 'string' && right.kind === 'string') {
    const values = left.values && right.values && [...left.values, ...right.values];
    return values === undefined ? string : { kind: 'string', values: [...new Set(values)] };
  }
  if (left.kind === 'list' && right.kind === 'list') {
    return listOf(eitherType(left.element, right.element));
  }
  if (left.kind === 'object' && right.kind === 'object') return eitherObject(left, right);
  return left.kind === 'map' ? dyn : left;
}

function eitherObject(left: ObjectType, right: ObjectType): ObjectType {
  const fields = new Map(left.fields);
  for (const [name, type] of right.fields) {
    const other = fields.get(name);
    fields.set(name, other === undefined ? type : eitherType(other, type));
  }
  return {
    ...left,
    fields,
    always: new Set([...left.always].filter((name) => right.always.has(name))),
    isOpen: left.isOpen || right.isOpen,
  };
}
