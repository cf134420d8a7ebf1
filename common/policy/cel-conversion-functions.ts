import { type CelFunc, CelScalar, celFunc, celUint } from '@bufbuild/cel';
import { ConditionValueError } from './condition-value-error.ts';

const { DOUBLE, INT, STRING, UINT } = CelScalar;

const intMin = -(2n ** 63n);
const intMax = 2n ** 63n - 1n;
const uintMax = 2n ** 64n - 1n;
/** Longest text that is read as a number. */
const numberCharsMax = 400;

/**
 * Conversions from text, which take nothing but a number. The library's take whatever JavaScript takes: the
 * empty text is 0 to it, and a text that is no number is NaN, with which `double(args.price) > 100.0` is
 * false rather than a failure.
 */
export function conversionFunctions(): CelFunc[] {
  return [
    celFunc('int', [STRING], INT, (text) => integer(text, /^-?\d+$/, intMin, intMax)),
    celFunc('uint', [STRING], UINT, (text) => celUint(integer(text, /^\d+$/, 0n, uintMax))),
    celFunc('double', [STRING], DOUBLE, double),
  ];
}

function integer(text: string, form: RegExp, min: bigint, max: bigint): bigint {
  const value = text.length <= numberCharsMax && form.test(text) ? BigInt(text) : undefined;
  if (value === undefined || value < min || value > max) {
    throw new ConditionValueError('the text is not an integer of 64 bits');
  }
  return value;
}

function double(text: string): number {
  if (text.length <= numberCharsMax) {
    if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text)) return Number(text);
    if (text === 'NaN') return Number.NaN;
    const infinite = /^([+-]?)(?:inf|infinity)$/i.exec(text);
    if (infinite !== null) return infinite[1] === '-' ? -Infinity : Infinity;
  }
  throw new ConditionValueError('the text is not a number');
}
