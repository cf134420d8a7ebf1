import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { isReadyMessage } from '../../common/parent-channel.ts';
import { repositoryRoot } from './client-process.ts';

/** A command of the product, as an operator runs it. */
export interface ProductCommand {
  readonly program: 'control-plane' | 'data-plane';
  readonly args: readonly string[];
  /** Its settings; none of this process's own `MCPGW_*` reach it. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface EndedProcess {
  readonly exitCode: number | null;
  /** Everything that it printed, both streams together. */
  readonly output: string;
}

const readyTimeoutMs = 60_000;
const stopTimeoutMs = 15_000;
/** Characters of its output that are kept, the last ones. */
const outputMax = 8 * 1024 * 1024;

/** Where the built product is: `dist`, unless `TEST_DIST` names another folder. */
function distFolder(): string {
  return process.env['TEST_DIST'] ?? 'dist';
}

function environmentOf({ environment }: ProductCommand): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('MCPGW_'));
  return { ...Object.fromEntries(inherited), MCPGW_ENV: 'test', ...environment };
}

/** A running process of the product, which dies with this one whatever ends it. */
export class ProductProcess {
  /** Where it serves, by name; known once it is ready. */
  addresses: Readonly<Record<string, string>> = {};
  readonly #child: ChildProcess;
  #output = '';

  private constructor(command: ProductCommand) {
    const script = `${distFolder()}/${command.program}/main.js`;
    this.#child = spawn(process.execPath, [script, ...command.args], {
      cwd: repositoryRoot,
      env: environmentOf(command),
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-outputMax);
      });
    }
    const killNow = () => this.#child.kill('SIGKILL');
    process.once('exit', killNow);
    this.#child.once('exit', () => process.off('exit', killNow));
  }

  /** Starts it, and resolves once it says that it serves. @throws with its output when it doesn't. */
  static async start(command: ProductCommand): Promise<ProductProcess> {
    const started = new ProductProcess(command);
    try {
      await started.#ready();
      return started;
    } catch (error) {
      await started.kill9();
      throw error;
    }
  }

  /** Starts a command that never says that it serves. */
  static begin(command: ProductCommand): ProductProcess {
    return new ProductProcess(command);
  }

  /** Runs it to its end, within `timeoutMs`; whatever still runs then is killed. */
  static async run(command: ProductCommand, timeoutMs = 45_000): Promise<EndedProcess> {
    const started = new ProductProcess(command);
    const timer = setTimeout(() => started.#child.kill('SIGKILL'), timeoutMs);
    await once(started.#child, 'close');
    clearTimeout(timer);
    return { exitCode: started.#child.exitCode, output: started.#output };
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get output(): string {
    return this.#output;
  }

  /** Resolves with its status when it has ended by itself; null: by a signal. */
  async ended(): Promise<number | null> {
    if (this.#isRunning()) await once(this.#child, 'exit');
    return this.#child.exitCode;
  }

  /** As a power cut would end it. */
  async kill9(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Asks it to end in order. @throws with its output when it doesn't, or with another status than 0. */
  async stop(): Promise<void> {
    if (!this.#isRunning()) return;
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), stopTimeoutMs);
    await this.#end('SIGTERM');
    clearTimeout(timer);
    const { exitCode, signalCode, spawnargs } = this.#child;
    if (exitCode === 0) return;
    throw new Error(`${spawnargs.join(' ')} ended with ${signalCode ?? exitCode}\n${this.#output}`);
  }

  #isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (!this.#isRunning()) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill(signal);
    await ended;
  }

  async #ready(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const fail = (what: string) =>
      reject(new Error(`${this.#child.spawnargs.join(' ')} ${what}\n${this.#output}`));
    this.#child.on('message', (message) => {
      if (!isReadyMessage(message)) return;
      this.addresses = message.addresses;
      resolve();
    });
    this.#child.once('error', (error) => fail(`could not start: ${error.message}`));
    // At `close` the output is complete.
    this.#child.once('close', (code, signal) => fail(`ended with ${signal ?? code}`));
    const timer = setTimeout(() => fail(`was not ready in ${readyTimeoutMs} ms`), readyTimeoutMs);
    await promise.finally(() => clearTimeout(timer));
  }
}
