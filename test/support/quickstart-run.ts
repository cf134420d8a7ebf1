import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { QuickstartFile } from '../../quickstart/quickstart-file.ts';
import { repositoryRoot } from './client-process.ts';
import { familyOf, remaining, type SeenProcess, until } from './quickstart-processes.ts';

export interface QuickstartRunOptions {
  readonly dataDir: string;
  /** `script`: node scripts/start.mjs; `npm`: npm start. */
  readonly by?: 'script' | 'npm';
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const freePorts = {
  MCPGW_GRAPHQL_PORT: '0',
  MCPGW_GRPC_PORT: '0',
  MCPGW_PROXY_PORT: '0',
  MCPGW_NODE_ADMIN_PORT: '0',
};

const readyTimeoutMs = 60_000;
const endTimeoutMs = 20_000;

function environmentOf({ dataDir, environment }: QuickstartRunOptions): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(MCPGW|npm)_/.test(name));
  return {
    ...Object.fromEntries(inherited),
    ...freePorts,
    MCPGW_DATA_DIR: dataDir,
    ...environment,
  };
}

/** A quickstart as a user starts it, in a data folder of its own. */
export class QuickstartRun {
  /** Everything that it printed so far. */
  output = '';
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  readonly #dataDir: string;

  constructor(options: QuickstartRunOptions) {
    const [command, ...args] =
      options.by === 'npm' ? ['npm', 'start'] : [process.execPath, 'scripts/start.mjs'];
    this.#dataDir = options.dataDir;
    this.#child = spawn(command ?? '', args, {
      cwd: repositoryRoot,
      env: environmentOf(options),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    }
    this.ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('exit', (code, signal) => resolve({ code, signal }));
    });
  }

  /** Process id of what was started: npm, or the script. */
  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** Waits until it says that it is ready. @returns what `quickstart.json` says. */
  async ready(): Promise<QuickstartFile> {
    const end = this.ended.then(({ code }) => {
      throw new Error(`The quickstart ended (${code}):\n${this.output}`);
    });
    await Promise.race([this.said('Ctrl-C ends everything'), end]);
    return JSON.parse(readFileSync(this.file, 'utf8')) as QuickstartFile;
  }

  get file(): string {
    return path.join(this.#dataDir, 'quickstart.json');
  }

  /** Waits until it has printed `text`. */
  async said(text: string): Promise<void> {
    await until(
      `the quickstart says "${text}"`,
      () => this.output.includes(text) || undefined,
      readyTimeoutMs,
    );
  }

  /** The line of its banner that begins with `start`. */
  line(start: string): string {
    return this.output.split('\n').find((line) => line.startsWith(start)) ?? '';
  }

  /** Its processes, the started one first. */
  processes(): SeenProcess[] {
    return familyOf(this.pid);
  }

  /** The one of its processes whose command line has `part`, and not `without`. */
  process(part: string, without?: string): SeenProcess {
    const found = this.processes().find(
      ({ command }) =>
        command.includes(part) && (without === undefined || !command.includes(without)),
    );
    if (found === undefined) throw new Error(`The quickstart runs no ${part}.`);
    return found;
  }

  /** Closes the pipes that it prints to, as a pager or a terminal that ends. */
  closeOutput(): void {
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Waits until none of `seen`, and nothing else of this data folder, runs any more. */
  async nothingRuns(seen: readonly SeenProcess[]): Promise<void> {
    await until(
      'every process of the quickstart has ended',
      () => remaining(seen, this.#dataDir).length === 0 || undefined,
      endTimeoutMs,
    );
  }

  /** Ends it by SIGTERM and waits until nothing of it runs. */
  async end(): Promise<Ended> {
    const seen = this.processes();
    this.kill('SIGTERM');
    const ended = await this.ended;
    await this.nothingRuns(seen);
    return ended;
  }

  /** Whether it tells others that it is ready. */
  get hasFile(): boolean {
    return existsSync(this.file);
  }
}
