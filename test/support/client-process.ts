import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { z } from 'zod';

/** Root of the repository, where every child starts. */
export const repositoryRoot = path.resolve(import.meta.dirname, '..', '..');

export interface ProcessOptions {
  /** Program to run; default: the Node that runs this process. */
  readonly command?: string;
  /** Arguments, for Node the script first. */
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Bound on the time until `ready` found its line, in milliseconds. */
  readonly readyTimeoutMs?: number;
}

/** A child process that is ready, with what its ready line said. */
export interface StartedProcess<T> {
  readonly value: T;
  readonly pid: number;
  /** Ends the process by its id and waits for it: SIGTERM, after 3 s SIGKILL. */
  stop(): Promise<void>;
}

const stopTimeoutMs = 3_000;
const outputMax = 8_192;

/**
 * Starts a process and waits for the first line of its output for which `ready` returns something.
 * What a Node process tells its parent once it is ready counts as a line too, as JSON.
 * Rejects with the end of its output when it ends or takes longer than `readyTimeoutMs` (default 20 s).
 * The child dies with this process, whatever ends it: its standard input and its
 * IPC channel are ours.
 */
export async function startProcess<T>(
  options: ProcessOptions,
  ready: (line: string) => T | undefined,
): Promise<StartedProcess<T>> {
  const child = spawn(options.command ?? process.execPath, [...options.args], {
    cwd: repositoryRoot,
    env: { ...process.env, ...options.environment },
    stdio: ['pipe', 'pipe', 'pipe', ...(options.command === undefined ? (['ipc'] as const) : [])],
  });
  const killNow = () => child.kill('SIGKILL');
  process.once('exit', killNow);
  child.once('exit', () => process.off('exit', killNow));
  try {
    const value = await readyValue(child, ready, options.readyTimeoutMs ?? 20_000);
    return { value, pid: child.pid ?? 0, stop: () => stopChild(child) };
  } catch (error) {
    await stopChild(child);
    throw error;
  }
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, 'exit');
  const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
  child.kill('SIGTERM');
  await exited;
  clearTimeout(timer);
}

function readyValue<T>(
  child: ChildProcess,
  ready: (line: string) => T | undefined,
  timeoutMs: number,
): Promise<T> {
  let output = '';
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const fail = (what: string) =>
    reject(new Error(`${child.spawnargs.join(' ')} ${what}\n${output}`));
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue;
    // Lines are read to the end of the process, so that a full pipe never blocks it.
    createInterface({ input: stream }).on('line', (line) => {
      output = `${output}${line}\n`.slice(-outputMax);
      const value = ready(line);
      if (value !== undefined) resolve(value);
    });
  }
  child.on('message', (message) => {
    const value = ready(JSON.stringify(message));
    if (value !== undefined) resolve(value);
  });
  child.once('error', (error) => fail(`could not start: ${error.message}`));
  child.once('exit', (code, signal) => fail(`ended with ${signal ?? code} before it was ready`));
  const timer = setTimeout(() => fail(`was not ready after ${timeoutMs} ms`), timeoutMs);
  return promise.finally(() => clearTimeout(timer));
}

/** A `ready` that finds the first line that is JSON of this shape, whatever else the process prints. */
export function jsonLine<T>(schema: z.ZodType<T>): (line: string) => T | undefined {
  return (line) => {
    if (!line.startsWith('{')) return undefined;
    try {
      return schema.safeParse(JSON.parse(line)).data;
    } catch {
      return undefined;
    }
  };
}
