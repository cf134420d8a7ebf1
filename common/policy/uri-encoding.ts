/** The UTF-8 bytes of a text, one character for each: URIs are compared byte by byte. */
export function bytesOf(text: string): string {
  return Buffer.from(text.toWellFormed(), 'utf8').toString('latin1');
}

const unreserved = /^[A-Za-z0-9\-._~]$/;
/** What may stand in a URI as it is (RFC 3986, section 2), and the braces of templates (RFC 6570). */
const rawCharacters = "!$&'()*+,;=:@/?#[]{}";
/** What ends no component, so that it names the same whether it is encoded or not. */
const plainCharacters = "!$&'()*+,;=:@[]{}";

function byteTable(characters: string): readonly boolean[] {
  return Array.from({ length: 256 }, (_, byte) => {
    const character = String.fromCharCode(byte);
    return unreserved.test(character) || characters.includes(character);
  });
}

const isRaw = byteTable(rawCharacters);
const isPlain = byteTable(plainCharacters);

function encoded(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
}

function hexValue(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** The byte that a percent sign and two digits at this place stand for, or undefined. */
function encodedByteAt(bytes: string, index: number): number | undefined {
  if (bytes[index] !== '%' || index + 2 >= bytes.length) return undefined;
  const high = hexValue(bytes.charCodeAt(index + 1));
  const low = hexValue(bytes.charCodeAt(index + 2));
  return high < 0 || low < 0 ? undefined : high * 16 + low;
}

/**
 * A component with one spelling for each byte (RFC 3986, section 6.2.2.2; RFC 3987, section 3.1): what has no
 * meaning but itself stands as it is, the rest stays encoded or not as it was, with digits in upper case.
 */
export function normalizeEncoding(bytes: string): string {
  let text = '';
  for (let index = 0; index < bytes.length; ) {
    const byte = encodedByteAt(bytes, index);
    if (byte === undefined) {
      const code = bytes.charCodeAt(index);
      text += isRaw[code] === true ? bytes[index] : encoded(code);
      index += 1;
    } else {
      text += isPlain[byte] === true ? String.fromCharCode(byte) : encoded(byte);
      index += 3;
    }
  }
  return text;
}

function decodeOnce(bytes: string): string {
  let text = '';
  for (let index = 0; index < bytes.length; ) {
    const byte = encodedByteAt(bytes, index);
    text += byte === undefined ? bytes[index] : String.fromCharCode(byte);
    index += byte === undefined ? 1 : 3;
  }
  return text;
}

/** More rounds than any chain of parsers makes. */
const decodingsMax = 8;

/** The bytes after all decoding that anybody may do. */
export function decodeFully(bytes: string): string {
  let current = bytes;
  for (let round = 0; round < decodingsMax; round += 1) {
    const decoded = decodeOnce(current);
    if (decoded === current) break;
    current = decoded;
  }
  return current;
}
