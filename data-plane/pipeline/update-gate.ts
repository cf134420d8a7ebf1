import type { RewriteFailure, TappedValue } from '../mcp/json-rewriter.ts';

const updatedMethod = 'notifications/resources/updated';

/**
 * Keeps back events that tell of resources which the caller may not read. Of each event it is asked until it
 * knows: a response passes at once, whatever its size, a notification when it is whole.
 */
export class UpdateGate {
  /** An event tells of such a resource, and answers a request besides: it can neither pass nor be left out. */
  failure: RewriteFailure | undefined;
  readonly #mayRead: (uri: string) => boolean;
  #passes = false;
  #tells = false;
  #answers = false;
  #uris = 0;
  #denied = false;

  constructor(mayRead: (uri: string) => boolean) {
    this.#mayRead = mayRead;
  }

  tap(name: string, value: TappedValue): void {
    if (name === 'response') this.#passes = true;
    else if (name === 'method' || name === 'batchedMethod') this.#onMethod(name, value);
    else if (name === 'batchedResponse') this.#answers = true;
    else if (name === 'uri') this.#onUri(value);
  }

  /** Undefined: what came of the event doesn't say. */
  mayPass(isWhole: boolean): boolean | undefined {
    if (this.#passes) return true;
    if (!isWhole) return undefined;
    // Whose resource isn't named may be any.
    const hidden = this.#tells && (this.#denied || this.#uris === 0);
    if (hidden && this.#answers) this.failure ??= 'upstream_invalid';
    return !hidden;
  }

  eventEnd(): void {
    this.#passes = false;
    this.#tells = false;
    this.#answers = false;
    this.#uris = 0;
    this.#denied = false;
  }

  #onMethod(name: string, value: TappedValue): void {
    if (value === updatedMethod) this.#tells = true;
    else if (name === 'method') this.#passes = true;
  }

  #onUri(value: TappedValue): void {
    this.#uris += 1;
    this.#denied ||= typeof value !== 'string' || !this.#mayRead(value);
  }
}
