import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { Invocation, ManagedProcessOptions } from './managed-process.ts';

/** A real MCP server that the demo organization puts behind the gateway. */
export interface DemoServer {
  readonly slug: string;
  readonly name: string;
  /** Its MCP endpoint on loopback, which only the node calls. */
  readonly url: string;
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
  const welcome = path.join(sandbox, 'hello.txt');
  if (!existsSync(welcome)) {
    writeFileSync(welcome, 'Agents can read and write files in this folder.\n');
  }
  return sandbox;
}

const guard = new URL('./demo-server-guard.js', import.meta.url).href;

/**
 * The little that these servers need of the environment. They hand out what they have: server-everything
 * has a tool that shows it, and whoever started the quickstart may have secrets there.
 */
function harmlessEnvironment(): Record<string, string | undefined> {
  const { PATH, HOME, LANG, TZ } = process.env;
  return { PATH, HOME, LANG, TZ };
}

export interface DemoServersOptions {
  readonly dataDir: string;
  /** Starts a process and resolves, with its addresses, when it serves. */
  readonly start: (
    part: Pick<ManagedProcessOptions, 'name' | 'invocation'>,
  ) => Promise<{ readonly addresses: Readonly<Record<string, string>> }>;
}

/** Starts server-everything and server-filesystem (bridged from stdio by mcp-proxy, in a sandbox folder). */
export async function startDemoServers(options: DemoServersOptions): Promise<DemoServer[]> {
  return Promise.all(
    [everything, filesystem(makeSandbox(options.dataDir))].map(
      async ({ slug, name, invocation }) => {
        const { addresses } = await options.start({
          name: slug,
          invocation: (earlier) => {
            const { args, env } = invocation(earlier?.['port'] ?? '0');
            return {
              args: ['--import', guard, ...args],
              env: { ...harmlessEnvironment(), ...env },
            };
          },
        });
        return { slug, name, url: `http://127.0.0.1:${addresses['port']}/mcp` };
      },
    ),
  );
}
