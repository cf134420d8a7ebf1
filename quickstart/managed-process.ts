import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { isReadyMessage } from '../common/parent-channel.ts';
import { closeLogFile, lastLines, openLogFile } from './log-file.ts';

/** Addresses that a process announced, by name. */
export type Addresses = Readonly<Record<string, string>>;

/** How a process is run. */
export interface Invocation {
  /** Arguments of the pinned Node, its script first. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface ManagedProcessOptions {
  readonly name: string;
  /** Called for each start; `earlier` are the addresses of the first one, to be used again. */
  readonly invocation: (earlier: Addresses | undefined) => Invocation;
  /** Folder of `<name>.log`, to which the process writes. */
  readonly logDirectory: string;
  readonly readyTimeoutMs: number;
  /** Told each time that the process was created. */
  readonly onSpawned: (pid: number) => void;
  /** Told when the process ended by itself and is started again. */
  readonly onEnded: (sentence: string) => void;
}

const restartsMax = 5;
const restartWindowMs = 60_000;
const shownLinesMax = 12;

/**
 * A process of the quickstart: started again when it ends by itself, and ended with the quickstart, in
 * whatever way that goes.
 */
export class ManagedProcess {
  readonly name: string;
  readonly logFile: string;
  readonly #options: ManagedProcessOptions;
  readonly #failed = Promise.withResolvers<string>();
  #child: ChildProcess | undefined;
  #exited: Promise<string> = Promise.resolve('not started');
  #addresses: Addresses | undefined;
  #logStartBytes = 0;
  #restartsMs: number[] = [];
  #stopping = false;

  constructor(options: ManagedProcessOptions) {
    this.name = options.name;
    this.#options = options;
    mkdirSync(options.logDirectory, { recursive: true, mode: 0o700 });
    this.logFile = path.join(options.logDirectory, `${options.name}.log`);
  }

  /**
   * Starts the process and waits until it announces that it serves.
   * @throws {Error} with its last messages when it ends or stays silent instead.
   */
  async start(): Promise<void> {
    const child = this.#spawn();
    this.#child = child;
    const exited = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
    });
    this.#exited = exited;
    const addresses = await this.#ready(child, exited);
    if (addresses === undefined) {
      child.kill('SIGKILL');
      await exited;
      throw new Error(this.#silence());
    }
    this.#addresses ??= addresses;
    void exited.then((how) => this.#startAgain(how));
  }

  /** Where the process serves. */
  get addresses(): Addresses {
    return this.#addresses ?? {};
  }

  /** Resolves, with a sentence, when the process can't be kept running. */
  get failed(): Promise<string> {
    return this.#failed.promise;
  }

  /** Asks the process to end in order, and ends it after `graceMs`. */
  async stop(graceMs = 15_000): Promise<void> {
    this.#stopping = true;
    this.#child?.kill('SIGTERM');
    const timer = setTimeout(() => this.#child?.kill('SIGKILL'), graceMs);
    await this.#exited;
    clearTimeout(timer);
  }

  #silence(): string {
    const lines = lastLines(this.logFile, this.#logStartBytes, shownLinesMax);
    const messages = lines === '' ? '' : `:\n${lines}\n `;
    return `${this.name} did not start${messages} (log: ${this.logFile})`;
  }

  async #startAgain(how: string): Promise<void> {
    if (this.#stopping) return;
    const nowMs = performance.now();
    this.#restartsMs = this.#restartsMs.filter((atMs) => atMs > nowMs - restartWindowMs);
    this.#restartsMs.push(nowMs);
    try {
      if (this.#restartsMs.length > restartsMax) {
        throw new Error(`${this.name} keeps ending (${how}; log: ${this.logFile})`);
      }
      this.#options.onEnded(`${this.name} ended (${how}); starting it again`);
      await this.start();
    } catch (error) {
      // Ended on purpose while it was starting again.
      if (this.#stopping) return;
      this.#failed.resolve(error instanceof Error ? error.message : String(error));
    }
  }

  #spawn(): ChildProcess {
    const { args, env } = this.#options.invocation(this.#addresses);
    const log = openLogFile(this.logFile);
    this.#logStartBytes = log.startBytes;
    // A group of its own: Ctrl-C reaches only the quickstart, which then ends its processes in order.
    // The IPC channel closes when the quickstart dies, even by kill -9, and ends the process too.
    const child = spawn(process.execPath, [...args], {
      detached: true,
      env: { ...env },
      stdio: ['ignore', log.descriptor, log.descriptor, 'ipc'],
    });
    closeLogFile(log);
    if (child.pid !== undefined) this.#options.onSpawned(child.pid);
    return child;
  }

  async #ready(child: ChildProcess, exited: Promise<string>): Promise<Addresses | undefined> {
    const { promise, resolve } = Promise.withResolvers<Addresses | undefined>();
    const timer = setTimeout(() => resolve(undefined), this.#options.readyTimeoutMs);
    const onMessage = (message: unknown): void => {
      if (isReadyMessage(message)) resolve(message.addresses);
    };
    child.on('message', onMessage);
    void exited.then(() => resolve(undefined));
    const addresses = await promise;
    clearTimeout(timer);
    child.off('message', onMessage);
    return addresses;
  }
}
