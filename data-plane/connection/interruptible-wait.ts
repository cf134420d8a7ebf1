/** A wait that something better to do can end early. One wait at a time. */
export class InterruptibleWait {
  #end: (() => void) | undefined;

  /** Resolves after `ms`, or at the next `interrupt`. */
  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#end?.(), ms);
      this.#end = () => {
        clearTimeout(timer);
        this.#end = undefined;
        resolve();
      };
    });
  }

  interrupt(): void {
    this.#end?.();
  }
}
