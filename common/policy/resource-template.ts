import { anyRun, type PatternToken, readPattern, runInSegment } from './pattern.ts';
import { canonicalResourceUri } from './resource-uri.ts';

/** Expressions whose values may hold slashes (RFC 6570, sections 3.2.3, 3.2.4 and 3.2.6). */
const slashOperators = '+#/';

function literal(text: string): readonly PatternToken[] {
  return readPattern(text.replaceAll(/[*?\\]/g, '\\$&'), 'path');
}

/** What the URIs of a template look like, as a pattern: each expression stands for a run of characters. */
export function templateTokens(uriTemplate: string): readonly PatternToken[] {
  const canonical = canonicalResourceUri(uriTemplate);
  const tokens: PatternToken[] = [];
  for (let index = 0; index < canonical.length; ) {
    const open = canonical.indexOf('{', index);
    const close = open < 0 ? -1 : canonical.indexOf('}', open);
    if (close < 0) {
      tokens.push(...literal(canonical.slice(index)));
      break;
    }
    tokens.push(...literal(canonical.slice(index, open)));
    tokens.push(slashOperators.includes(canonical[open + 1] ?? '') ? anyRun : runInSegment);
    index = close + 1;
  }
  return tokens;
}
