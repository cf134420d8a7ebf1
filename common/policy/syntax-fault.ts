/** What is wrong with a source that can't be read. */
export interface SyntaxFault {
  /** In UTF-16 units from the source's start. */
  readonly offset: number;
  readonly message: string;
  readonly hint: string;
}

const closing: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

/**
 * Says what is wrong with a source that the parser gave up at an offset: it goes back to where it last stood
 * well, so that a bracket that is missing at the end shows at an operator far before.
 */
export function syntaxFault(source: string, offset: number): SyntaxFault {
  return unclosed(source) ?? misplaced(source, offset);
}

/** Texts of CEL, comments, brackets; what else there is doesn't matter here. */
const pieces = /\/\/[^\n]*|[rRbB]{0,2}("""|'''|"|')|[()[\]{}]/g;

function unclosed(source: string): SyntaxFault | undefined {
  const open: { readonly bracket: string; readonly offset: number }[] = [];
  pieces.lastIndex = 0;
  for (let piece = pieces.exec(source); piece !== null; piece = pieces.exec(source)) {
    const [text, quote] = piece;
    const offset = piece.index;
    if (quote !== undefined) {
      const end = textEnd(source, pieces.lastIndex, quote, /^[bB]?[rR]/.test(text));
      if (end === undefined)
        return { offset, message: 'the text is never closed', hint: `close it with ${quote}` };
      pieces.lastIndex = end;
    } else if (text in closing) {
      open.push({ bracket: text, offset });
    } else if (!text.startsWith('//')) {
      const last = open.pop();
      if (last === undefined) return { offset, message: `"${text}" closes nothing`, hint: '' };
      const expected = closing[last.bracket] ?? '';
      if (expected !== text) {
        return {
          offset,
          message: `"${text}" stands where "${expected}" closes "${last.bracket}"`,
          hint: '',
        };
      }
    }
  }
  const last = open.at(-1);
  if (last === undefined) return undefined;
  return { offset: last.offset, message: `"${last.bracket}" is never closed`, hint: '' };
}

/** Where a text ends; undefined: it doesn't, or not on its line. */
function textEnd(source: string, start: number, quote: string, isRaw: boolean): number | undefined {
  for (let index = start; index < source.length; index += 1) {
    if (source.startsWith(quote, index)) return index + quote.length;
    if (source[index] === '\n' && quote.length === 1) return undefined;
    if (source[index] === '\\' && !isRaw) index += 1;
  }
  return undefined;
}

const operators: readonly (readonly [RegExp, string])[] = [
  [/^=(?!=)/, 'write == to compare'],
  [/^&(?!&)/, 'write && for "and"'],
  [/^\|(?!\|)/, 'write || for "or"'],
  [/^and\b/i, 'write && for "and"'],
  [/^or\b/i, 'write || for "or"'],
  [/^not\b/i, 'write ! for "not"'],
  [/^(?:<>|=!)/, 'write != for "is not"'],
  [/^===/, 'write == to compare'],
  [/^[“”„‘’«»]/, 'write plain quotes'],
  [/^;/, 'a condition is one expression'],
];

function misplaced(source: string, offset: number): SyntaxFault {
  const blanks = /^\s*/.exec(source.slice(offset))?.[0].length ?? 0;
  const at = offset + blanks;
  const rest = source.slice(at);
  const hint = operators.find(([pattern]) => pattern.test(rest))?.[1];
  const operator = /^(?:&&|\|\||==|!=|<=|>=|[-+*/%<>?!.,:]|in\b)/.exec(rest)?.[0];
  if (hint === undefined && operator !== undefined) {
    return { offset: at, message: `what belongs to "${operator}" can't be read`, hint: '' };
  }
  const [word = ''] = /^(?:\w+|[^\s\w])?/u.exec(rest) ?? [];
  const message =
    word === '' ? 'the condition ends too early' : `"${word.slice(0, 40)}" is not expected here`;
  return { offset: at, message, hint: hint ?? '' };
}
