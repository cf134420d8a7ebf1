import { execFile } from 'node:child_process';
import type { InspectorRun } from './client-inspector.ts';
import { repositoryRoot } from './client-process.ts';
import { restartablePort } from './product-ports.ts';

const timeoutMs = 40_000;
const script = 'node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js';

/**
 * Runs the Inspector's command line on a route without a token. Where it would have a person log in,
 * `authorize` does so and says where the provider sent them back to.
 * @param home keeps what the Inspector stores, such as tokens.
 */
export async function runInspectorWithOauth(
  routeUrl: string,
  home: string,
  extra: readonly string[],
  authorize: (url: string) => Promise<URL>,
): Promise<InspectorRun> {
  const port = await restartablePort();
  const callback = `http://127.0.0.1:${port}/oauth/callback`;
  const args = [script, '--cli', routeUrl, '--transport', 'http', '--format', 'json'];
  args.push('--callback-url', callback, '--method', 'tools/list', ...extra);
  const { promise, resolve, reject } = Promise.withResolvers<InspectorRun>();
  const env = {
    ...process.env,
    HOME: home,
    // Without a terminal it logs nobody in unless it may open a browser; there is none.
    MCP_AUTO_OPEN_ENABLED: 'true',
    MCP_INSPECTOR_SECRET_STORE: 'file',
  };
  const options = { cwd: repositoryRoot, timeout: timeoutMs, env };
  const child = execFile(process.execPath, args, options, (_error, stdout, stderr) =>
    resolve({ exitCode: child.exitCode ?? -1, stdout, stderr }),
  );
  let shown = '';
  let asked = false;
  child.stderr?.on('data', (text: string) => {
    shown += text;
    const url = /https?:\/\/\S+\/auth\?\S+/.exec(shown)?.[0];
    if (url === undefined || asked || !/\s$/.test(shown)) return;
    asked = true;
    authorize(url)
      .then((back) => fetch(back))
      .catch(reject);
  });
  return promise;
}
