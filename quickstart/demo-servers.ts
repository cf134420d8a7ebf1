import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { type Invocation, ManagedProcess } from './managed-process.ts';

/** A real MCP server that the demo organization puts behind the gateway. */
export interface DemoServer {
  readonly slug: string;
  readonly name: string;
  /** Its MCP endpoint on loopback, which only the node calls. */
  readonly url: string;
  readonly process: ManagedProcess;
}

interface DemoServerKind {
  readonly slug: string;
  readonly name: string;
  invocation(port: string): Invocation;
}

const require = createRequire(import.meta.url);

function packageFile(name: string, file: string): string {
  return path.join(path.dirname(require.resolve(`${name}/package.json`)), file);
}

const everything: DemoServerKind = {
  slug: 'everything',
  name: 'Everything (reference server)',
  invocation: (port) => ({
    args: [
      packageFile('@modelcontextprotocol/server-everything', 'dist/index.js'),
      'streamableHttp',
    ],
    env: { PORT: port },
  }),
};

function filesystem(sandbox: string): DemoServerKind {
  const server = packageFile('@modelcontextprotocol/server-filesystem', 'dist/index.js');
  const bridge = packageFile('mcp-proxy', 'dist/bin/mcp-proxy.mjs');
  return {
    slug: 'filesystem',
    name: 'Files in a sandbox folder',
    invocation: (port) => ({
      args: [
        bridge,
        ...['--port', port, '--host', '127.0.0.1', '--server', 'stream'],
        ...['--', process.execPath, server, sandbox],
      ],
      env: {},
    }),
  };
}

function makeSandbox(dataDir: string): string {
  const sandbox = path.join(dataDir, 'sandbox');
  mkdirSync(sandbox, { recursive: true, mode: 0o700 });
  writeFileSync(
    path.join(sandbox, 'hello.txt'),
    'Agents can read and write files in this folder.\n',
  );
  return sandbox;
}

const guard = new URL('./demo-server-guard.js', import.meta.url).href;

/** Starts server-everything and server-filesystem (bridged from stdio by mcp-proxy, in a sandbox folder). */
export async function startDemoServers(
  dataDir: string,
  onEnded: (sentence: string) => void,
): Promise<DemoServer[]> {
  return Promise.all(
    [everything, filesystem(makeSandbox(dataDir))].map(async ({ slug, name, invocation }) => {
      const child = await ManagedProcess.start({
        name: slug,
        invocation: (earlier) => {
          const { args, env } = invocation(earlier?.['port'] ?? '0');
          return { args: ['--import', guard, ...args], env: { ...process.env, ...env } };
        },
        logDirectory: path.join(dataDir, 'logs'),
        readyTimeoutMs: 20_000,
        onEnded,
      });
      return { slug, name, url: `http://127.0.0.1:${child.addresses['port']}/mcp`, process: child };
    }),
  );
}
