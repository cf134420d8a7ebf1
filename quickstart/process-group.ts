import { ManagedProcess, type ManagedProcessOptions } from './managed-process.ts';

/** The processes of one quickstart. They end in the opposite order of their start. */
export class ProcessGroup {
  readonly #processes: ManagedProcess[] = [];
  readonly #failed = Promise.withResolvers<string>();
  #ending = false;

  /** Resolves, with a sentence, when one of the processes can't be kept running. */
  get failed(): Promise<string> {
    return this.#failed.promise;
  }

  /**
   * Starts a process and waits until it announces that it serves.
   * @throws {Error} with its last messages when it ends or stays silent instead.
   */
  async start(options: ManagedProcessOptions): Promise<ManagedProcess> {
    if (this.#ending) throw new Error(`${options.name} is not started: the quickstart ends.`);
    const managed = new ManagedProcess(options);
    // Before it serves: what is only starting has to be ended, too.
    this.#processes.push(managed);
    void managed.failed.then(this.#failed.resolve);
    await managed.start();
    return managed;
  }

  /** Ends all of them in order, one after the other. */
  async end(): Promise<void> {
    this.#ending = true;
    for (const managed of this.#processes.toReversed()) await managed.stop();
  }
}
