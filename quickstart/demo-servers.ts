import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ManagedProcess, type ManagedProcessOptions } from './managed-process.ts';

/** A real MCP server that the demo organization puts behind the gateway. */
export interface DemoServer {
  readonly slug: string;
  readonly name: string;
  /** Its MCP endpoint on loopback, which only the node calls. */
  readonly url: string;
  readonly process: ManagedProcess;
}

const require = createRequire(import.meta.url);

function packageFile(name: string, file: string): string {
  return path.join(path.dirname(require.resolve(`${name}/package.json`)), file);
}

const guard = fileURLToPath(new URL('./demo-server-guard.js', import.meta.url));

function everythingServer(): Pick<ManagedProcessOptions, 'name' | 'args' | 'env'> {
  return {
    name: 'everything',
    args: [
      packageFile('@modelcontextprotocol/server-everything', 'dist/index.js'),
      'streamableHttp',
    ],
    env: { PORT: '0' },
  };
}

function filesystemServer(dataDir: string): Pick<ManagedProcessOptions, 'name' | 'args' | 'env'> {
  const sandbox = path.join(dataDir, 'sandbox');
  mkdirSync(sandbox, { recursive: true, mode: 0o700 });
  writeFileSync(
    path.join(sandbox, 'hello.txt'),
    'Agents can read and write files in this folder.\n',
  );
  return {
    name: 'filesystem',
    args: [
      packageFile('mcp-proxy', 'dist/bin/mcp-proxy.mjs'),
      '--port',
      '0',
      '--host',
      '127.0.0.1',
      '--server',
      'stream',
      '--',
      process.execPath,
      packageFile('@modelcontextprotocol/server-filesystem', 'dist/index.js'),
      sandbox,
    ],
    env: {},
  };
}

/** Starts server-everything and server-filesystem (bridged from stdio by mcp-proxy, in a sandbox folder). */
export async function startDemoServers(dataDir: string): Promise<DemoServer[]> {
  const { MCPGW_ENV: _environment, ...inherited } = process.env;
  const servers = [
    { ...everythingServer(), title: 'Everything (reference server)' },
    { ...filesystemServer(dataDir), title: 'Files in a sandbox folder' },
  ];
  return Promise.all(
    servers.map(async (server) => {
      const { process: child, addresses } = await ManagedProcess.start({
        name: server.name,
        args: ['--import', guard, ...server.args],
        env: { ...inherited, ...server.env },
        logDirectory: path.join(dataDir, 'logs'),
        readyTimeoutMs: 20_000,
      });
      const url = `http://127.0.0.1:${addresses['port']}/mcp`;
      return { slug: server.name, name: server.title, url, process: child };
    }),
  );
}
