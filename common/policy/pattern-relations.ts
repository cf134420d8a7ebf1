import {
  anyCharacter,
  anyRun,
  characterInSegment,
  type Pattern,
  type PatternToken,
  runInSegment,
  takes,
} from './pattern.ts';

type Tokens = readonly PatternToken[];
/** What texts look like, such as those that a pattern matches. */
export type TextShape = Pick<Pattern, 'prefix' | 'tokens'>;
type Go = (i: number, j: number) => void;

function isRun(token: PatternToken | undefined): boolean {
  return token === anyRun || token === runInSegment;
}

/** Whether some character is taken by both. */
function meet(one: PatternToken, other: PatternToken): boolean {
  if (one < 0 && other < 0) return true;
  return one < 0 ? takes(one, other) : takes(other, one);
}

/** Which wildcards take all that another one takes. */
const wildcardsHeld: ReadonlyMap<PatternToken, readonly PatternToken[]> = new Map([
  [anyRun, [anyRun, runInSegment, anyCharacter, characterInSegment]],
  [runInSegment, [runInSegment, characterInSegment]],
  [anyCharacter, [anyCharacter, characterInSegment]],
  [characterInSegment, [characterInSegment]],
]);

function holds(whole: PatternToken, part: PatternToken): boolean {
  return part < 0 ? (wildcardsHeld.get(whole)?.includes(part) ?? false) : takes(whole, part);
}

/** A walk over two patterns at once: which of their first tokens can stand for the same. */
function walk(one: Tokens, other: Tokens, step: (i: number, j: number, go: Go) => void): boolean {
  const width = other.length + 1;
  const reached = new Uint8Array((one.length + 1) * width);
  reached[0] = 1;
  const go: Go = (i, j) => {
    reached[i * width + j] = 1;
  };
  for (let i = 0; i <= one.length; i += 1) {
    for (let j = 0; j < width; j += 1) {
      if (reached[i * width + j] === 1) step(i, j, go);
    }
  }
  return reached[reached.length - 1] === 1;
}

/** Told without a walk: the texts of most pairs begin with different letters. */
function beginAlike(one: TextShape, other: TextShape): boolean {
  return one.prefix.startsWith(other.prefix) || other.prefix.startsWith(one.prefix);
}

/** Whether some text is of both shapes. Takes time in the product of their lengths. */
export function overlap(one: TextShape, other: TextShape): boolean {
  if (!beginAlike(one, other)) return false;
  const [ones, others] = [one.tokens, other.tokens];
  return walk(ones, others, (i, j, go) => {
    const [a, b] = [ones[i], others[j]];
    // A run may be empty.
    if (isRun(a)) go(i + 1, j);
    if (isRun(b)) go(i, j + 1);
    if (a === undefined || b === undefined || !meet(a, b)) return;
    if (!isRun(a) || !isRun(b)) go(isRun(a) ? i : i + 1, isRun(b) ? j : j + 1);
  });
}

/**
 * Whether every text of the shape `part` is of the shape `whole`, as far as can be told token by token: true is
 * certain, false isn't. Takes time in the product of their lengths.
 */
export function covers(whole: TextShape, part: TextShape): boolean {
  if (!beginAlike(whole, part)) return false;
  const [wholes, parts] = [whole.tokens, part.tokens];
  return walk(wholes, parts, (i, j, go) => {
    const [a, b] = [wholes[i], parts[j]];
    if (isRun(a)) go(i + 1, j);
    if (a === undefined || b === undefined || !holds(a, b)) return;
    go(isRun(a) ? i : i + 1, j + 1);
  });
}
