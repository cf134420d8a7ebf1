import { inspect } from 'node:util';

const shown = '[secret]';

/**
 * A value that must not reach a log, an error or a reply by accident: written as text, as JSON or for
 * inspection it shows `[secret]`. Whoever needs the value says so with `reveal()`.
 */
export class Secret<T extends string | Uint8Array = string> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  reveal(): T {
    return this.#value;
  }

  toString(): string {
    return shown;
  }

  toJSON(): string {
    return shown;
  }

  [inspect.custom](): string {
    return shown;
  }
}
