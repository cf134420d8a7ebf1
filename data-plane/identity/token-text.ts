import { isRecord } from './token-value.ts';

/** Longest access token that is looked at, in characters. */
const tokenLengthMax = 8192;

/** A signed token as it says of itself; nothing of it is true before its signature is verified. */
export interface TokenText {
  readonly text: string;
  readonly algorithm: string;
  readonly keyId: string | undefined;
  /** Media type without `application/`, in lower case; undefined: the token doesn't say. */
  readonly type: string | undefined;
  readonly issuer: string;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Three parts (RFC 7515, section 7.1): unsigned and encrypted tokens have another shape. */
const compactShape = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/;

function readPart(part: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(part, 'base64url'));
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Some decoders read several texts as the same bytes: each signature counts in one spelling only. */
function isCanonical(part: string): boolean {
  return Buffer.from(part, 'base64url').toString('base64url') === part;
}

function isOptionalText(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}

/** Reads a token without believing it; undefined: it is none that could be verified here. */
export function readTokenText(text: string): TokenText | undefined {
  if (text.length > tokenLengthMax) return undefined;
  const parts = compactShape.exec(text);
  if (parts === null || !isCanonical(parts[3] ?? '')) return undefined;
  const header = readPart(parts[1] ?? '');
  const claims = readPart(parts[2] ?? '');
  if (header === undefined || claims === undefined) return undefined;
  const { alg, kid, typ } = header;
  // What `crit` names must be understood (RFC 7515, section 4.1.11), and no extension is.
  if (Object.hasOwn(header, 'crit') || typeof alg !== 'string') return undefined;
  if (!isOptionalText(kid) || !isOptionalText(typ) || typeof claims['iss'] !== 'string') {
    return undefined;
  }
  const type = typ?.toLowerCase().replace(/^application\//, '');
  return { text, algorithm: alg, keyId: kid, type, issuer: claims['iss'], claims };
}
