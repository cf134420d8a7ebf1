import {
  type CelFunc,
  type CelValue,
  celEnv,
  celFunc,
  celMethod,
  isCelError,
  isCelList,
  isCelMap,
} from '@bufbuild/cel';
import { strings } from '@bufbuild/cel/ext';
import { ConditionValueError } from './condition-value-error.ts';
import type { EvaluationMeter } from './evaluation-meter.ts';

/** Functions of the library that read whole texts, in time that grows with their length. */
const readers = new Set([
  '_<_',
  '_<=_',
  '_>_',
  '_>=_',
  '_+_',
  'bytes',
  'format',
  'string',
  'strings.quote',
  'timestamp',
  'trim',
]);
const readTypes = new Set<string>(['string', 'bytes', 'list']);
/** Values that hold one another this deep are made by no call. */
const depthMax = 64;

/** Those of the library's functions that read whole texts and lists, each paying for what it reads. */
export function meteredFunctions(meter: EvaluationMeter): CelFunc[] {
  const library = [...celEnv().funcs, ...strings];
  return library.filter(readsText).map((func) => metered(func, meter));
}

function readsText({ name, target, arguments: parameters }: CelFunc): boolean {
  const types = [...(target === undefined ? [] : [target]), ...parameters];
  return readers.has(name) && types.some((type) => readTypes.has(type.name));
}

function metered(func: CelFunc, meter: EvaluationMeter): CelFunc {
  const call = (target: CelValue | undefined, values: readonly CelValue[]): CelValue => {
    for (const value of values) chargeAll(value, meter);
    if (target !== undefined) chargeAll(target, meter);
    const result = func.call(0, target, [...values]);
    if (isCelError(result)) throw result;
    if (result === undefined) throw new Error(`${func.name} has no overload for its own types`);
    return result;
  };
  const { name, target, arguments: parameters, result } = func;
  return target === undefined
    ? celFunc(name, parameters, result, (...values: readonly CelValue[]) => call(undefined, values))
    : celMethod(name, target, parameters, result, function (...values: readonly CelValue[]) {
        return call(this, values);
      });
}

function chargeAll(value: CelValue, meter: EvaluationMeter, depth = 0): void {
  if (depth > depthMax) throw new ConditionValueError('a value is nested too deep');
  meter.charge(1);
  if (typeof value === 'string') meter.chargeText(4 * value.length);
  else if (value instanceof Uint8Array) meter.chargeText(4 * value.length);
  else if (isCelList(value)) for (const item of value) chargeAll(item, meter, depth + 1);
  else if (isCelMap(value)) for (const item of value.values()) chargeAll(item, meter, depth + 1);
}
