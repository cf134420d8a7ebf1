import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { repositoryRoot } from '../support/client-process.ts';
import { type CheckList, checksFile, type Score, scoreOf } from './score.ts';
import type { Suite } from './suites.ts';

/** Bound on one suite, in milliseconds; it takes some seconds. */
const suiteTimeoutMs = 180_000;
const outputBytesMax = 16 * 1024 * 1024;

/** Runs a suite against a URL; its files and its output stay below `folder`, which is emptied first. */
export async function runSuite(suite: Suite, url: string, folder: string): Promise<Score> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const { exitCode, output } = await runProgram([
    suite.program,
    'server',
    '--url',
    url,
    ...suite.args,
    '-o',
    path.join(folder, 'scenarios'),
  ]);
  await writeFile(path.join(folder, 'output.txt'), output);
  const score = scoreOf(exitCode, await readScenarios(path.join(folder, 'scenarios')));
  assertSameTotals(score, output, folder);
  return score;
}

function runProgram(args: readonly string[]): Promise<{ exitCode: number; output: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{
    exitCode: number;
    output: string;
  }>();
  const options = { cwd: repositoryRoot, timeout: suiteTimeoutMs, maxBuffer: outputBytesMax };
  const child = execFile(process.execPath, [...args], options, (error, stdout, stderr) => {
    const output = `${stdout}${stderr}`;
    if (error && typeof error.code !== 'number') {
      reject(
        new Error(`${args[0]} did not end by itself: ${error.message}\n${output.slice(-4096)}`),
      );
    } else {
      resolve({ exitCode: child.exitCode ?? 1, output });
    }
  });
  return promise;
}

/** The suites name a scenario's folder `server-<scenario>-<time>`. */
async function readScenarios(folder: string): Promise<ReadonlyMap<string, CheckList>> {
  const scenarios = new Map<string, CheckList>();
  for (const entry of (await readdir(folder)).sort()) {
    const scenario = entry.replace(/^server-/, '').replace(/-\d{4}-\d\d-\d\dT.*$/, '');
    scenarios.set(scenario, await readChecks(path.join(folder, entry, 'checks.json')));
  }
  return scenarios;
}

/** A scenario that broke off leaves its folder empty; the suite counts that as one failure. */
async function readChecks(file: string): Promise<CheckList> {
  if (!existsSync(file)) return [{ id: 'scenario', name: 'ran to its end', status: 'FAILURE' }];
  return checksFile.parse(JSON.parse(await readFile(file, 'utf8')));
}

/** Our count must be the suite's own: else a scenario was lost on the way from its files to our table. */
function assertSameTotals(score: Score, output: string, folder: string): void {
  const total = /Total: (\d+) passed, (\d+) failed/.exec(output);
  if (!total) throw new Error(`The suite printed no total; see ${folder}/output.txt.`);
  const [, passed, failed] = total;
  if (score.passed !== Number(passed) || score.failed !== Number(failed)) {
    throw new Error(
      `The suite counts ${passed}/${failed}, its files ${score.passed}/${score.failed}; see ${folder}.`,
    );
  }
}
