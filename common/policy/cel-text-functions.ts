import {
  type CelFunc,
  type CelList,
  CelScalar,
  celFunc,
  celList,
  celMethod,
  listType,
} from '@bufbuild/cel';
import { boundedPatternOfCall } from './bounded-pattern.ts';
import { ConditionValueError } from './condition-value-error.ts';
import type { EvaluationMeter } from './evaluation-meter.ts';
import { codePoints, findLastText, findText, splitText } from './text-search.ts';

const { BOOL, DYN, INT, STRING } = CelScalar;
const LIST = listType(DYN);

/** Texts that one evaluation makes have at most as many characters. */
const textCharsMax = 8_000_000;

/**
 * The library's functions on texts, metered, and in time that grows with the length of their texts: several
 * of its own take the square of it, or the product of two.
 */
export function textFunctions(meter: EvaluationMeter): CelFunc[] {
  return [
    ...searchFunctions(meter),
    ...positionFunctions(meter),
    ...makingFunctions(meter),
    ...splittingFunctions(meter),
    ...measureFunctions(meter),
  ];
}

function searchFunctions(meter: EvaluationMeter): CelFunc[] {
  return [
    celMethod('contains', STRING, [STRING], BOOL, function (wanted) {
      meter.chargeText(2 * (this.length + wanted.length));
      return findText(this, wanted) >= 0;
    }),
    celMethod('startsWith', STRING, [STRING], BOOL, function (wanted) {
      meter.chargeText(wanted.length);
      return this.startsWith(wanted);
    }),
    celMethod('endsWith', STRING, [STRING], BOOL, function (wanted) {
      meter.chargeText(wanted.length);
      return this.endsWith(wanted);
    }),
    celMethod('matches', STRING, [STRING], BOOL, function (source) {
      const pattern = boundedPatternOfCall(source);
      meter.charge(1 + ((this.length * pattern.instructions) >> 4));
      return pattern.test(this);
    }),
  ];
}

function positionFunctions(meter: EvaluationMeter): CelFunc[] {
  const first = (text: string, wanted: string, from: bigint): bigint => {
    meter.chargeText(2 * (text.length + wanted.length));
    return BigInt(findText(text, wanted, positionIn(text, from)));
  };
  const last = (text: string, wanted: string, from: bigint): bigint => {
    meter.chargeText(32 * (text.length + wanted.length));
    return BigInt(findLastText(text, wanted, positionIn(text, from)));
  };
  return [
    celMethod('indexOf', STRING, [STRING], INT, function (wanted) {
      return first(this, wanted, 0n);
    }),
    celMethod('indexOf', STRING, [STRING, INT], INT, function (wanted, from) {
      return first(this, wanted, from);
    }),
    celMethod('lastIndexOf', STRING, [STRING], INT, function (wanted) {
      return last(this, wanted, BigInt(this.length));
    }),
    celMethod('lastIndexOf', STRING, [STRING, INT], INT, function (wanted, from) {
      return last(this, wanted, from);
    }),
  ];
}

function positionIn(text: string, position: bigint): number {
  if (position >= 0n && position <= BigInt(text.length)) return Number(position);
  throw new ConditionValueError('a position lies outside the text');
}

function makingFunctions(meter: EvaluationMeter): CelFunc[] {
  const made = (text: string): string => {
    meter.chargeText(4 * text.length);
    return text;
  };
  const chargeMade = (characters: number): void => {
    if (characters > textCharsMax) throw new ConditionValueError('a text is too long');
    meter.chargeText(4 * characters);
  };
  const replace = (text: string, wanted: string, by: string, timesMax: number): string => {
    if (timesMax <= 0) return text;
    meter.chargeText(text.length);
    const pieces = splitText(text, wanted, timesMax + 1, (count) => meter.charge(count));
    chargeMade(text.length + pieces.length * by.length);
    return pieces.join(by);
  };
  return [
    celFunc('_+_', [STRING, STRING], STRING, (left, right) => {
      chargeMade(left.length + right.length);
      return left + right;
    }),
    celMethod('lowerAscii', STRING, [], STRING, function () {
      return made(this).replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
    }),
    celMethod('upperAscii', STRING, [], STRING, function () {
      return made(this).replaceAll(/[a-z]+/g, (letters) => letters.toUpperCase());
    }),
    celMethod('replace', STRING, [STRING, STRING], STRING, function (wanted, by) {
      return replace(this, wanted, by, this.length + 1);
    }),
    celMethod('replace', STRING, [STRING, STRING, INT], STRING, function (wanted, by, times) {
      return replace(this, wanted, by, times < 0n ? this.length + 1 : Number(times));
    }),
    celMethod('join', LIST, [], STRING, function () {
      return joined(this, '', chargeMade);
    }),
    celMethod('join', LIST, [STRING], STRING, function (separator) {
      return joined(this, separator, chargeMade);
    }),
  ];
}

function joined(list: CelList, separator: string, charge: (characters: number) => void): string {
  const items: string[] = [];
  for (const item of list) {
    if (typeof item !== 'string') throw new ConditionValueError('join() takes a list of strings');
    charge(item.length + separator.length + 64);
    items.push(item);
  }
  return items.join(separator);
}

function splittingFunctions(meter: EvaluationMeter): CelFunc[] {
  const split = (text: string, separator: string, piecesMax: number): CelList => {
    meter.chargeText(4 * (text.length + separator.length));
    return celList(splitText(text, separator, piecesMax, (count) => meter.charge(count)));
  };
  return [
    celMethod('split', STRING, [STRING], LIST, function (separator) {
      return split(this, separator, Number.POSITIVE_INFINITY);
    }),
    celMethod('split', STRING, [STRING, INT], LIST, function (separator, piecesMax) {
      return split(this, separator, piecesMax < 0n ? Number.POSITIVE_INFINITY : Number(piecesMax));
    }),
  ];
}

function measureFunctions(meter: EvaluationMeter): CelFunc[] {
  const size = (text: string): bigint => {
    meter.chargeText(text.length);
    return BigInt(codePoints(text));
  };
  return [
    celFunc('size', [STRING], INT, size),
    celMethod('size', STRING, [], INT, function () {
      return size(this);
    }),
  ];
}
