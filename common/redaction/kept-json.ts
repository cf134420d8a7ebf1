import { isSecretName } from './secret-names.ts';
import { redactedText, redactText } from './secret-texts.ts';

/** JSON as a record keeps it. */
export interface KeptJson {
  readonly text: string;
  /** Something was replaced; false: it says what the value says, to the letter. */
  readonly isRedacted: boolean;
}

export interface KeepOptions {
  /** Replaces secrets: what stands under telling names, and what looks like a credential. */
  readonly redact: boolean;
  /** Of the text in UTF-8; a value that takes more is not kept. */
  readonly bytesMax: number;
}

/** Deeper is nothing that a node lets in. */
const depthMax = 200;

class TooLarge extends Error {}

/** Fields of an object that say what its `value` is: headers and variables are often given as a list of such. */
const namingFields = ['name', 'key', 'header', 'field', 'variable'] as const;
const namedFields: ReadonlySet<string> = new Set(['value', 'values']);

type Fields = Readonly<Record<string, unknown>>;

function namesSecret(object: Fields): boolean {
  return namingFields.some((field) => {
    const name = Object.hasOwn(object, field) ? object[field] : undefined;
    return typeof name === 'string' && isSecretName(name);
  });
}

/** What says no more than whether there is a value. */
function isEmptyValue(value: unknown): boolean {
  return value === null || typeof value === 'boolean' || value === '';
}

class JsonWriter {
  readonly #redact: boolean;
  #roomLeft: number;
  #parts: string[] = [];
  isRedacted = false;

  constructor({ redact, bytesMax }: KeepOptions) {
    this.#redact = redact;
    this.#roomLeft = bytesMax;
  }

  get text(): string {
    return this.#parts.join('');
  }

  write(value: unknown, depth = 0): void {
    if (depth > depthMax) throw new TooLarge();
    if (typeof value === 'string') this.#text(value);
    else if (typeof value === 'number') this.#put(numberText(value));
    else if (typeof value !== 'object' || value === null)
      this.#put(JSON.stringify(value) ?? 'null');
    else if (Array.isArray(value)) this.#list(value, depth);
    else this.#object(value as Fields, depth);
  }

  #put(text: string): void {
    // Each unit takes a byte at least, so that nothing far beyond the bound is ever made.
    this.#roomLeft -= text.length;
    if (this.#roomLeft < 0) throw new TooLarge();
    this.#parts.push(text);
  }

  #text(text: string): void {
    if (text.length > this.#roomLeft) throw new TooLarge();
    const kept = this.#redact ? redactText(text) : text;
    if (kept !== text) this.isRedacted = true;
    this.#put(JSON.stringify(kept));
  }

  #list(items: readonly unknown[], depth: number): void {
    this.#put('[');
    items.forEach((item, index) => {
      if (index > 0) this.#put(',');
      this.write(item, depth + 1);
    });
    this.#put(']');
  }

  #object(object: Fields, depth: number): void {
    const isNamed = this.#redact && namesSecret(object);
    this.#put('{');
    let isFirst = true;
    for (const [name, value] of Object.entries(object)) {
      if (!isFirst) this.#put(',');
      isFirst = false;
      // A name may hold a secret too: a map by token.
      this.#text(name);
      this.#put(':');
      this.#member(name, value, depth, isNamed && namedFields.has(name.toLowerCase()));
    }
    this.#put('}');
  }

  #member(name: string, value: unknown, depth: number, isSecret: boolean): void {
    const hides = this.#redact && !isEmptyValue(value) && (isSecret || isSecretName(name));
    if (!hides) {
      this.write(value, depth + 1);
      return;
    }
    this.isRedacted = true;
    this.#put(JSON.stringify(redactedText));
  }
}

/** A number beyond all doubles was read as infinite, and has to be read so again. */
function numberText(value: number): string {
  if (Number.isFinite(value)) return Object.is(value, -0) ? '-0' : String(value);
  return value < 0 ? '-1e999' : '1e999';
}

/**
 * A JSON value as text for a record, with its secrets replaced when that is wanted; undefined: it takes more
 * than `bytesMax`. Reading the text gives the value again, except for what was replaced. Takes time in the
 * length of the value, up to the bound.
 */
export function keptJson(value: unknown, options: KeepOptions): KeptJson | undefined {
  const writer = new JsonWriter(options);
  try {
    writer.write(value);
  } catch (error) {
    if (error instanceof TooLarge) return undefined;
    throw error;
  }
  const { text, isRedacted } = writer;
  return Buffer.byteLength(text) <= options.bytesMax ? { text, isRedacted } : undefined;
}
