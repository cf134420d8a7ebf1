import { anyRun, type PatternToken, readPattern, runInSegment } from './pattern.ts';
import type { TextShape } from './pattern-relations.ts';
import { canonicalResourceUri } from './resource-uri.ts';

/** Expressions whose values may hold slashes (RFC 6570, sections 3.2.3, 3.2.4 and 3.2.6). */
const slashOperators = '+#/';

function literal(text: string): readonly PatternToken[] {
  return readPattern(text.replaceAll(/[*?\\]/g, '\\$&'), 'path');
}

/** What the URIs of a template look like: each expression stands for a run of characters. */
export function templateShape(uriTemplate: string): TextShape {
  const canonical = canonicalResourceUri(uriTemplate);
  const tokens: PatternToken[] = [];
  let prefix: string | undefined;
  for (let index = 0; index < canonical.length; ) {
    const open = canonical.indexOf('{', index);
    const close = open < 0 ? -1 : canonical.indexOf('}', open);
    const text = canonical.slice(index, close < 0 ? undefined : open);
    tokens.push(...literal(text));
    prefix ??= text;
    if (close < 0) break;
    tokens.push(slashOperators.includes(canonical[open + 1] ?? '') ? anyRun : runInSegment);
    index = close + 1;
  }
  return { prefix: prefix ?? '', tokens };
}
