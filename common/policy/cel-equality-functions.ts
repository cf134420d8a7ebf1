import {
  type CelFunc,
  type CelList,
  type CelMap,
  CelScalar,
  type CelValue,
  celEnv,
  celFunc,
  isCelError,
  isCelList,
  isCelMap,
  listType,
} from '@bufbuild/cel';
import type { EvaluationMeter } from './evaluation-meter.ts';

const { BOOL, DYN } = CelScalar;
const LIST = listType(DYN);

/** Equality of the library, for values that hold no others. */
const libraryEquals = celEnv().funcs.find('_==_');

function equalScalars(left: CelValue, right: CelValue): boolean {
  const answer = libraryEquals?.call(0, undefined, [left, right]);
  if (isCelError(answer)) throw answer;
  return answer === true;
}

/** The library's comparisons for equality, metered: lists and maps are compared through all that they hold. */
export function equalityFunctions(meter: EvaluationMeter): CelFunc[] {
  const equals = (left: CelValue, right: CelValue): boolean => {
    meter.charge(1);
    if (left === right) return true;
    if (typeof left !== 'object' && typeof right !== 'object')
      return equalPlain(left, right, meter);
    if (isCelList(left)) return isCelList(right) && equalLists(left, right);
    if (isCelMap(left)) return isCelMap(right) && equalMaps(left, right);
    if (left instanceof Uint8Array) meter.chargeText(64 * left.length);
    return equalScalars(left, right);
  };
  const equalLists = (left: CelList, right: CelList): boolean => {
    if (left.size !== right.size) return false;
    const others = right.values();
    for (const item of left) {
      const other = others.next();
      if (other.done === true || !equals(item, other.value)) return false;
    }
    return true;
  };
  const equalMaps = (left: CelMap, right: CelMap): boolean => {
    if (left.size !== right.size) return false;
    for (const [key, value] of left) {
      const other = right.get(key);
      if (other === undefined || !equals(value, other)) return false;
    }
    return true;
  };
  return [
    celFunc('_==_', [DYN, DYN], BOOL, equals),
    celFunc('_!=_', [DYN, DYN], BOOL, (left, right) => !equals(left, right)),
    celFunc('@in', [DYN, LIST], BOOL, (wanted, list) => {
      for (const item of list) if (equals(item, wanted)) return true;
      return false;
    }),
    celFunc('_+_', [LIST, LIST], LIST, (left, right) => {
      // One list, since the library's chain of lists is walked through all of its links for each item.
      meter.charge(left.size + right.size);
      return [...left, ...right];
    }),
  ];
}

function equalPlain(left: CelValue, right: CelValue, meter: EvaluationMeter): boolean {
  if (typeof left === 'string' && typeof right === 'string') {
    if (left.length !== right.length) return false;
    meter.chargeText(left.length);
    return left === right;
  }
  // An int and a double are equal when they are the same number.
  if (typeof left === 'bigint' && typeof right === 'number') return isSameNumber(left, right);
  if (typeof left === 'number' && typeof right === 'bigint') return isSameNumber(right, left);
  return false;
}

function isSameNumber(int: bigint, double: number): boolean {
  return Number.isInteger(double) && BigInt(double) === int;
}
