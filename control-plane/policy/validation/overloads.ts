import type { CelType } from '@bufbuild/cel';
import {
  type ConditionEnvironment,
  conditionEnvironment,
} from '../../../common/policy/cel-environment.ts';
import { EvaluationMeter } from '../../../common/policy/evaluation-meter.ts';
import { bool, type ConditionType, dyn, listOf, string, typeName } from './condition-type.ts';

/** Where conditions are looked up: names and signatures of functions. Nothing is evaluated in it. */
export const signatures: ConditionEnvironment = conditionEnvironment(new EvaluationMeter());

/** Types that a call has, its target first; undefined: no overload takes these. */
export function resultType(
  name: string,
  target: ConditionType | undefined,
  args: readonly ConditionType[],
): ConditionType | undefined {
  const results: ConditionType[] = [];
  for (const func of signatures.funcs.find(name) ?? []) {
    if ((func.target === undefined) !== (target === undefined)) continue;
    const parameters =
      func.target === undefined ? func.arguments : [func.target, ...func.arguments];
    const values = target === undefined ? args : [target, ...args];
    const fits =
      parameters.length === values.length &&
      parameters.every((parameter, index) => takes(parameter, values[index] ?? dyn));
    if (fits) results.push(resultOf(name, func.result, values));
  }
  const [first] = results;
  if (first === undefined) return undefined;
  return results.every(({ kind }) => kind === first.kind) ? first : dyn;
}

/** The overloads of a function in words, such as `(int, int)` or `string.contains(string)`; at most five. */
export function overloadsInWords(name: string): string {
  const written = new Set<string>();
  for (const func of signatures.funcs.find(name) ?? []) {
    const on = func.target === undefined ? '' : `${shortName(func.target)}.${name}`;
    written.add(`${on}(${func.arguments.map(shortName).join(', ')})`);
  }
  const all = [...written];
  return all.length > 5 ? '' : all.join(' or ');
}

function takes(parameter: CelType, value: ConditionType): boolean {
  return (
    value.kind === 'dyn' || parameter.name === 'dyn' || shortName(parameter) === typeName(value)
  );
}

function shortName(type: CelType): string {
  if (type.kind !== 'object') return type.name;
  return type.name.replace('google.protobuf.', '').toLowerCase();
}

function resultOf(name: string, result: CelType, values: readonly ConditionType[]): ConditionType {
  const kind = shortName(result);
  switch (kind) {
    case 'bool':
      return bool;
    case 'string':
      return string;
    case 'bytes':
    case 'double':
    case 'duration':
    case 'int':
    case 'timestamp':
    case 'type':
    case 'uint':
      return { kind };
    case 'list':
      return name === 'split'
        ? listOf(string)
        : (values.find((each) => each.kind === 'list') ?? dyn);
    default:
      return dyn;
  }
}
