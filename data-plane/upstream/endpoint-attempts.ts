import type { EndpointEntry, ServerEntry } from '../snapshot/snapshot.ts';
import type { EndpointPicker } from './endpoint-picker.ts';
import type { UpstreamFailure } from './upstream-transport.ts';

/**
 * The endpoints that one call may be tried on. Another one is tried only when no byte of the request can
 * have reached the one before: whatever the call does, it is done at most once.
 */
export class EndpointAttempts {
  readonly #picker: EndpointPicker;
  readonly #server: ServerEntry;
  readonly #attemptsMax: number;
  #tried: Set<string> | undefined;
  #last: EndpointEntry | undefined;
  #attempts = 0;

  /** @param attemptsMax including the first; at least 1. */
  constructor(picker: EndpointPicker, server: ServerEntry, attemptsMax: number) {
    this.#picker = picker;
    this.#server = server;
    this.#attemptsMax = attemptsMax;
  }

  /** The endpoint to begin with, or undefined when the server has none that may be used. */
  first(): EndpointEntry | undefined {
    this.#attempts = 1;
    this.#last = this.#picker.pick(this.#server);
    return this.#last;
  }

  /** The endpoint to go on with after this failure, or undefined when the failure is the call's. */
  afterFailure(failure: UpstreamFailure): EndpointEntry | undefined {
    const failed = this.#last;
    if (!failure.nothingSent || failure.refused || failed === undefined) return undefined;
    if (this.#attempts >= this.#attemptsMax) return undefined;
    this.#tried ??= new Set();
    this.#tried.add(failed.id);
    this.#attempts += 1;
    this.#last = this.#picker.pick(this.#server, this.#tried);
    return this.#last;
  }
}
