import { anyRun, characterInSegment, readPattern, runInSegment } from './pattern.ts';
import { canonicalResourceUri } from './resource-uri.ts';

/** Stand for wildcards while the text around them is brought into its canonical form. */
const standIns: ReadonlyMap<number, { readonly character: string; readonly wildcard: string }> =
  new Map([
    [runInSegment, { character: '\u{f0000}', wildcard: '*' }],
    [anyRun, { character: '\u{f0001}', wildcard: '**' }],
    [characterInSegment, { character: '\u{f0002}', wildcard: '?' }],
  ]);

/**
 * A pattern of resources in the form in which it meets canonical URIs: its text between the wildcards is
 * brought into their spelling, as far as that can be told. A pattern in that form stays as it is.
 */
export function canonicalResourcePattern(pattern: string): string {
  if (pattern === '*') return pattern;
  const taken = [...standIns.values()].some(({ character }) => pattern.includes(character));
  if (taken) return pattern;
  const tokens = readPattern(pattern, 'path');
  const text = tokens
    .map((token) => standIns.get(token)?.character ?? String.fromCodePoint(token))
    .join('');
  let canonical = canonicalResourceUri(text).replaceAll(/[*?\\]/g, '\\$&');
  for (const { character, wildcard } of standIns.values()) {
    canonical = canonical.replaceAll(encodeURIComponent(character), wildcard);
  }
  const last = tokens.at(-1);
  const endsOpen = last === anyRun || last === runInSegment;
  // A host that goes on with a wildcard has no end to put the path's first slash behind.
  return endsOpen && canonical.endsWith('/') ? canonical.slice(0, -1) : canonical;
}
