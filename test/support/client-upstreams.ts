import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { jsonLine, startProcess } from './client-process.ts';

/** A real MCP server, running as a process of its own. */
export interface UpstreamProcess {
  /** MCP URL on loopback. */
  readonly url: string;
  stop(): Promise<void>;
}

const loopback = ['--import', './test/support/client-loopback.ts'];

const portLine = jsonLine(z.object({ port: z.int().positive() }));
const urlLine = jsonLine(z.object({ url: z.url() }));

/** The reference upstream: both eras, every fixture of the conformance suites. */
export async function startReference(): Promise<UpstreamProcess> {
  const args = ['test/support/reference-upstream/main.ts'];
  const { value, stop } = await startProcess({ args }, urlLine);
  return { url: value.url, stop };
}

/** server-everything over Streamable HTTP: legacy only, 13 tools. */
export async function startServerEverything(): Promise<UpstreamProcess> {
  const script = 'node_modules/@modelcontextprotocol/server-everything/dist/index.js';
  const args = [...loopback, script, 'streamableHttp'];
  const { value, stop } = await startProcess({ args }, portLine);
  return { url: `http://127.0.0.1:${value.port}/mcp`, stop };
}

export interface FilesystemUpstream extends UpstreamProcess {
  /** The folder that it serves; it holds `hello.txt` with the text `hello`. */
  readonly folder: string;
}

/** server-filesystem on a folder of its own, bridged by mcp-proxy: both eras, 14 tools. */
export async function startBridgedFilesystem(): Promise<FilesystemUpstream> {
  const folder = await realpath(await mkdtemp(path.join(tmpdir(), 'mcpgw-filesystem-')));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    await writeFile(path.join(folder, 'hello.txt'), 'hello');
    const script = 'node_modules/@modelcontextprotocol/server-filesystem/dist/index.js';
    const bridge = ['node_modules/mcp-proxy/dist/bin/mcp-proxy.mjs', '--server', 'stream', '--'];
    const args = [...loopback, ...bridge, process.execPath, script, folder];
    const { value, stop } = await startProcess({ args }, portLine);
    const url = `http://127.0.0.1:${value.port}/mcp`;
    return { url, folder, stop: async () => stop().then(remove) };
  } catch (error) {
    await remove();
    throw error;
  }
}
