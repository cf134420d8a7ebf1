import { type Violation, violation } from './violation.ts';

/** Bounds on texts, in characters (UTF-16 code units). */
export const textBounds = {
  slugLengthMax: 63,
  nameLengthMax: 200,
  descriptionLengthMax: 1000,
  emailLengthMax: 254,
  passwordLengthMin: 12,
  passwordLengthMax: 256,
} as const;

const slugPattern = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;
const emailPattern = /^[^\s@]+@[^\s@.]+(?:\.[^\s@.]+)*$/;

/** True when a text holds control characters, among them NUL, which PostgreSQL can't store. */
function hasControlCharacters(text: string): boolean {
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return true;
  }
  return false;
}

/** True for well-formed UTF-16: a lone surrogate can't be stored as UTF-8. */
export function isStorableText(text: string): boolean {
  return text.isWellFormed() && !hasControlCharacters(text);
}

/**
 * A slug is a path segment of the proxy: lower-case letters, digits and single or double hyphens inside,
 * 1 to 63 characters, as a DNS label (RFC 1123).
 */
export function validateSlug(path: string, slug: string): Violation[] {
  if (slug.length === 0) return [violation(path, 'REQUIRED', 'A slug is needed.')];
  if (slug.length > textBounds.slugLengthMax) {
    return [
      violation(path, 'TOO_LONG', `A slug has at most ${textBounds.slugLengthMax} characters.`),
    ];
  }
  if (slugPattern.test(slug)) return [];
  return [
    violation(
      path,
      'INVALID_FORMAT',
      'A slug holds lower-case letters, digits and hyphens, and begins and ends with a letter or digit.',
    ),
  ];
}

/** A name is a line of 1 to `lengthMax` characters without control characters, not only blanks. */
export function validateName(
  path: string,
  name: string,
  lengthMax: number = textBounds.nameLengthMax,
): Violation[] {
  if (name.trim().length === 0) return [violation(path, 'REQUIRED', 'A name is needed.')];
  if (name.length > lengthMax) {
    return [violation(path, 'TOO_LONG', `At most ${lengthMax} characters are allowed.`)];
  }
  if (isStorableText(name)) return [];
  return [violation(path, 'INVALID_FORMAT', 'Control characters are not allowed.')];
}

/** A description is lines of text, perhaps none. */
export function validateDescription(
  path: string,
  text: string,
  lengthMax: number = textBounds.descriptionLengthMax,
): Violation[] {
  if (text.length > lengthMax) {
    return [violation(path, 'TOO_LONG', `At most ${lengthMax} characters are allowed.`)];
  }
  if (isStorableText(text.replaceAll(/[\n\t]/g, ' '))) return [];
  return [violation(path, 'INVALID_FORMAT', 'Control characters are not allowed.')];
}

/** The form under which an e-mail address is stored and looked up. */
export function normalizeEmail(email: string): string {
  return email.trim().normalize('NFC').toLowerCase();
}

/** Checks only what every address has: whether mail arrives, only mail can tell. */
export function validateEmail(path: string, email: string): Violation[] {
  const normalized = normalizeEmail(email);
  if (normalized.length === 0) return [violation(path, 'REQUIRED', 'An e-mail address is needed.')];
  if (normalized.length > textBounds.emailLengthMax) {
    return [
      violation(
        path,
        'TOO_LONG',
        `An address has at most ${textBounds.emailLengthMax} characters.`,
      ),
    ];
  }
  if (emailPattern.test(normalized) && isStorableText(normalized)) return [];
  return [violation(path, 'INVALID_FORMAT', 'This is not an e-mail address.')];
}

/** Length alone, as NIST SP 800-63B advises: rules about kinds of characters make passwords worse. */
export function validatePassword(path: string, password: string): Violation[] {
  const { passwordLengthMin, passwordLengthMax } = textBounds;
  if (password.length < passwordLengthMin) {
    return [
      violation(path, 'TOO_SHORT', `A password has at least ${passwordLengthMin} characters.`),
    ];
  }
  if (password.length > passwordLengthMax) {
    return [violation(path, 'TOO_LONG', `A password has at most ${passwordLengthMax} characters.`)];
  }
  if (!password.isWellFormed()) {
    return [violation(path, 'INVALID_FORMAT', 'The password is not valid Unicode.')];
  }
  return [];
}

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** True for the text form of a UUID. Anything else names no object, and PostgreSQL would raise an error. */
export function isUuid(text: string): boolean {
  return uuidPattern.test(text);
}
