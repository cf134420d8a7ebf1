import { isUtf8 } from 'node:buffer';
import type { ReasonCode } from '../../common/reasons.ts';
import { scanJson } from './json-scanner.ts';

/** A JSON text that every parser reads alike, with the text it was read from. */
export interface JsonDocument {
  readonly value: unknown;
  readonly text: string;
}

type JsonRefusal = Extract<
  ReasonCode,
  'body_not_utf8' | 'json_malformed' | 'json_duplicate_key' | 'json_too_deep'
>;

/**
 * Reads a body strictly: valid UTF-8, valid JSON, no key twice in one object, and no deeper than
 * `depthMax`. Depth is checked before parsing, so that a hostile body can't make the parser allocate.
 */
export function readJson(body: Buffer, depthMax: number): JsonDocument | JsonRefusal {
  if (!isUtf8(body)) return 'body_not_utf8';
  const text = body.toString('utf8');
  const scan = scanJson(text, depthMax);
  if (scan.depth > depthMax) return 'json_too_deep';
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'json_malformed';
  }
  if (scan.duplicateKey !== undefined) return 'json_duplicate_key';
  return { value, text };
}
