import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, openSync } from 'node:fs';
import path from 'node:path';
import { isReadyMessage } from '../common/parent-channel.ts';

export interface ManagedProcessOptions {
  readonly name: string;
  /** Arguments of the pinned Node, its script first. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder of `<name>.log`, to which the process writes. */
  readonly logDirectory: string;
  readonly readyTimeoutMs: number;
}

/** A process of the quickstart that ends with it, in whatever way it goes. */
export class ManagedProcess {
  readonly name: string;
  readonly logFile: string;
  readonly #child: ChildProcess;
  readonly exited: Promise<string>;

  constructor(options: ManagedProcessOptions) {
    this.name = options.name;
    mkdirSync(options.logDirectory, { recursive: true, mode: 0o700 });
    this.logFile = path.join(options.logDirectory, `${options.name}.log`);
    const log = openSync(this.logFile, 'a', 0o600);
    // A group of its own: Ctrl-C reaches only the quickstart, which then ends its processes in order.
    // The IPC channel closes when the quickstart dies, even by kill -9, and ends the process too.
    this.#child = spawn(process.execPath, [...options.args], {
      detached: true,
      env: { ...options.env },
      stdio: ['ignore', log, log, 'ipc'],
    });
    this.exited = new Promise((resolve) => {
      this.#child.once('error', (error) => resolve(error.message));
      this.#child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
    });
  }

  /**
   * Starts a process and waits until it announces that it serves.
   * @throws {Error} naming the log file when it ends or stays silent instead.
   */
  static async start(
    options: ManagedProcessOptions,
  ): Promise<{ process: ManagedProcess; addresses: Readonly<Record<string, string>> }> {
    const managed = new ManagedProcess(options);
    const ready = await managed.#ready(options.readyTimeoutMs);
    if (ready === undefined) {
      await managed.stop();
      throw new Error(`${options.name} did not start; its messages are in ${managed.logFile}`);
    }
    return { process: managed, addresses: ready };
  }

  async #ready(timeoutMs: number): Promise<Readonly<Record<string, string>> | undefined> {
    const { promise, resolve } = Promise.withResolvers<
      Readonly<Record<string, string>> | undefined
    >();
    const timer = setTimeout(() => resolve(undefined), timeoutMs);
    const onMessage = (message: unknown): void => {
      if (isReadyMessage(message)) resolve(message.addresses);
    };
    this.#child.on('message', onMessage);
    void this.exited.then(() => resolve(undefined));
    const addresses = await promise;
    clearTimeout(timer);
    this.#child.off('message', onMessage);
    return addresses;
  }

  /** Asks the process to end in order, and ends it after `graceMs`. */
  async stop(graceMs = 15_000): Promise<void> {
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), graceMs);
    await this.exited;
    clearTimeout(timer);
  }
}
