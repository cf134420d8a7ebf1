/**
 * Messages from a server that nobody listens to yet, such as a request that comes between `initialized`
 * and the opening of the GET stream. Beyond the bound the newest are dropped: waiting for a listener that
 * may never come must not hold up the responses behind them.
 */
export class MessageOutbox {
  readonly #bytesMax: number;
  #messages: Buffer[] = [];
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  put(message: Buffer): void {
    if (this.#bytes + message.length > this.#bytesMax) return;
    this.#bytes += message.length;
    this.#messages.push(message);
  }

  /** Hands over what is there, in order, and keeps none of it. */
  take(): Buffer[] {
    const messages = this.#messages;
    this.#messages = [];
    this.#bytes = 0;
    return messages;
  }
}
