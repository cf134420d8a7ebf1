import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ClientRoute } from './client-gateway.ts';
import { repositoryRoot } from './client-process.ts';

export type InspectorEra = 'legacy' | 'auto' | 'modern';

/** What the Inspector's command line printed. */
export interface InspectorRun {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

const timeoutMs = 30_000;

/** Runs `mcp-inspector --cli` on a route, as a user pastes it, with a home folder of its own. */
export async function runInspector(
  route: ClientRoute,
  era: InspectorEra,
  method: readonly string[],
): Promise<InspectorRun> {
  const home = await mkdtemp(path.join(tmpdir(), 'mcpgw-inspector-'));
  const script = 'node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js';
  const args = [script, '--cli', route.url, '--transport', 'http'];
  if (route.apiKey !== undefined) args.push('--header', `Authorization: Bearer ${route.apiKey}`);
  args.push('--protocol-era', era, '--format', 'json', '--method', ...method);
  const { promise, resolve } = Promise.withResolvers<InspectorRun>();
  const options = { cwd: repositoryRoot, timeout: timeoutMs, env: { ...process.env, HOME: home } };
  const child = execFile(process.execPath, args, options, (_error, stdout, stderr) =>
    resolve({ exitCode: child.exitCode ?? -1, stdout, stderr }),
  );
  return promise.finally(() => rm(home, { recursive: true, force: true }));
}
