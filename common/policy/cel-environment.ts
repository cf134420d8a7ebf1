import {
  type CelEnv,
  type CelFunc,
  CelScalar,
  type CelValue,
  celEnv,
  celFunc,
  celList,
  isCelList,
  isCelMap,
  listType,
} from '@bufbuild/cel';
import { strings } from '@bufbuild/cel/ext';
import { addressRange } from './address-range.ts';
import { BoundedCache } from './bounded-cache.ts';
import { conversionFunctions } from './cel-conversion-functions.ts';
import { equalityFunctions } from './cel-equality-functions.ts';
import { meteredFunctions } from './cel-metered-functions.ts';
import { textFunctions } from './cel-text-functions.ts';
import { timeFunctions } from './cel-time-functions.ts';
import type { ConditionVariable } from './condition.ts';
import { ConditionValueError } from './condition-value-error.ts';
import type { EvaluationMeter } from './evaluation-meter.ts';
import { type PathStyle, pathStyles, pathUnder } from './path-under.ts';

const { BOOL, DYN, INT, STRING } = CelScalar;
const LIST = listType(DYN);

/** The library's environment with the variables that conditions read; what they hold differs by call. */
export type ConditionEnvironment = CelEnv<Record<ConditionVariable, typeof DYN>>;

/** Functions that only the rewritten form of a loop calls; no source can spell their names. */
export const chargeFunction = '@charge';
export const rangeFunction = '@range';
export const emptyListFunction = '@empty_list';
export const appendFunction = '@append';

function loopFunctions(meter: EvaluationMeter): CelFunc[] {
  const collected = new WeakMap<object, CelValue[]>();
  return [
    celFunc(chargeFunction, [DYN, INT], DYN, (goesOn, units) => {
      meter.charge(Number(units));
      return goesOn;
    }),
    celFunc(rangeFunction, [DYN], DYN, (range) => {
      // A loop copies what it goes through before its first round.
      if (isCelList(range) || isCelMap(range)) meter.charge(range.size >> 1);
      return range;
    }),
    celFunc(emptyListFunction, [], LIST, () => {
      const items: CelValue[] = [];
      const list = celList(items);
      collected.set(list, items);
      return list;
    }),
    celFunc(appendFunction, [LIST, DYN], LIST, (list, item) => {
      collected.get(list)?.push(item);
      return list;
    }),
  ];
}

function pathFunctions(meter: EvaluationMeter): CelFunc[] {
  const under = (path: string, folder: string, style: PathStyle): boolean => {
    meter.chargeText(8 * (path.length + folder.length));
    return pathUnder(path, folder, style);
  };
  return [
    celFunc('pathUnder', [STRING, STRING], BOOL, (path, folder) => under(path, folder, 'posix')),
    celFunc('pathUnder', [STRING, STRING, STRING], BOOL, (path, folder, named) => {
      const style = pathStyles.find((known) => known === named);
      if (style === undefined)
        throw new ConditionValueError(`the style is none of ${pathStyles.join(', ')}`);
      return under(path, folder, style);
    }),
  ];
}

function addressFunctions(meter: EvaluationMeter): CelFunc[] {
  const ranges = new BoundedCache(256, addressRange);
  return [
    celFunc('inCidr', [STRING, STRING], BOOL, (address, cidr) => {
      meter.chargeText(address.length + cidr.length);
      return ranges.get(cidr)(address);
    }),
  ];
}

/**
 * The functions that conditions have besides the library's standard ones: its strings extension, our own, and
 * those that stand in for functions of the library.
 */
export function conditionFunctions(meter: EvaluationMeter): CelFunc[] {
  return [
    ...strings,
    ...meteredFunctions(meter),
    ...textFunctions(meter),
    ...equalityFunctions(meter),
    ...conversionFunctions(),
    ...timeFunctions(),
    ...loopFunctions(meter),
    ...pathFunctions(meter),
    ...addressFunctions(meter),
  ];
}

/** What conditions are evaluated in: CEL's standard library, its strings extension and our own functions. */
export function conditionEnvironment(meter: EvaluationMeter): ConditionEnvironment {
  return celEnv({
    variables: {
      principal: DYN,
      server: DYN,
      tool: DYN,
      args: DYN,
      request: DYN,
      now: DYN,
    },
    funcs: conditionFunctions(meter),
  });
}
