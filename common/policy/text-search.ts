/**
 * Longest text that the engine is asked to find: it takes the product of both lengths for hostile ones, a
 * minute for 100,000 characters in a million.
 */
const engineCharsMax = 32;

/** As `String.indexOf`, in time that grows with the sum of both lengths. */
export function findText(text: string, wanted: string, from = 0): number {
  if (wanted.length <= engineCharsMax) return text.indexOf(wanted, from);
  return wanted.length > text.length - from ? -1 : knuthMorrisPratt(text, wanted, from);
}

/** As `String.lastIndexOf` with a start, likewise. */
export function findLastText(text: string, wanted: string, from = text.length): number {
  if (wanted.length <= engineCharsMax) return text.lastIndexOf(wanted, from);
  const reach = text.slice(0, from + wanted.length);
  const found = findText(reversed(reach), reversed(wanted));
  return found < 0 ? -1 : reach.length - found - wanted.length;
}

/**
 * Pieces of a text between places where another stands, at most `piecesMax`: the last takes the rest.
 * `charge` is told of pieces before they are made, and may throw.
 */
export function splitText(
  text: string,
  separator: string,
  piecesMax: number,
  charge: (pieces: number) => void,
): string[] {
  if (piecesMax === 0) return [];
  if (separator === '') {
    charge(text.length);
    const characters = [...text];
    if (characters.length <= piecesMax) return characters;
    return [...characters.slice(0, piecesMax - 1), characters.slice(piecesMax - 1).join('')];
  }
  const pieces: string[] = [];
  let start = 0;
  while (pieces.length < piecesMax - 1) {
    const end = findText(text, separator, start);
    if (end < 0) break;
    charge(1);
    pieces.push(text.slice(start, end));
    start = end + separator.length;
  }
  pieces.push(text.slice(start));
  return pieces;
}

/** Characters (code points) of a text; a surrogate without its other half counts as one. */
export function codePoints(text: string): number {
  let count = text.length;
  for (let index = 0; index < text.length - 1; index += 1) {
    const isPair =
      (text.charCodeAt(index) & 0xfc00) === 0xd800 &&
      (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00;
    if (isPair) {
      count -= 1;
      index += 1;
    }
  }
  return count;
}

function knuthMorrisPratt(text: string, wanted: string, from: number): number {
  const fallback = fallbacks(wanted);
  let matched = 0;
  for (let index = from; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    while (matched > 0 && wanted.charCodeAt(matched) !== code) matched = fallback[matched - 1] ?? 0;
    if (wanted.charCodeAt(matched) === code) matched += 1;
    if (matched === wanted.length) return index - matched + 1;
  }
  return -1;
}

/** For each length of a text's beginning the longest shorter beginning that it ends with. */
function fallbacks(wanted: string): Int32Array {
  const fallback = new Int32Array(wanted.length);
  let matched = 0;
  for (let index = 1; index < wanted.length; index += 1) {
    const code = wanted.charCodeAt(index);
    while (matched > 0 && wanted.charCodeAt(matched) !== code) matched = fallback[matched - 1] ?? 0;
    if (wanted.charCodeAt(matched) === code) matched += 1;
    fallback[index] = matched;
  }
  return fallback;
}

function reversed(text: string): string {
  return text.split('').reverse().join('');
}
