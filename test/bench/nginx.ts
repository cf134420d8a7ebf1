import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startProcess } from '../support/client-process.ts';
import { childPids } from './process-cpu.ts';
import type { BenchSubject } from './subject.ts';

/** nginx as a subject, to be stopped afterwards. */
export interface NginxSubject extends BenchSubject {
  stop(): Promise<void>;
}

const places = ['/usr/sbin/nginx', '/usr/bin/nginx', '/usr/local/sbin/nginx'];

/**
 * nginx as a plain reverse proxy with one worker and connections kept open to the upstream; undefined
 * when this machine has none (Debian: nginx-light).
 */
export async function startNginx(upstreamUrl: string): Promise<NginxSubject | undefined> {
  const command = places.find((place) => existsSync(place));
  if (command === undefined) return undefined;
  const folder = await mkdtemp(path.join(tmpdir(), 'mcpgw-nginx-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const port = await freePort();
    const file = path.join(folder, 'nginx.conf');
    await writeFile(file, configuration(folder, port, new URL(upstreamUrl)));
    const args = ['-p', folder, '-c', file, '-e', 'stderr'];
    const nginx = await startProcess({ command, args }, (line) => workerLine.exec(line)?.[0]);
    return {
      name: 'nginx',
      target: {
        url: `http://127.0.0.1:${port}${new URL(upstreamUrl).pathname}`,
        apiKey: undefined,
      },
      pids: () => [nginx.pid, ...childPids(nginx.pid)],
      stop: () => nginx.stop().then(remove),
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

const workerLine = /start worker process \d+/;

function configuration(folder: string, port: number, upstream: URL): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `  ${kind}_temp_path ${path.join(folder, kind)};`)
    .join('\n');
  // Root's worker would run as another user, who may not enter the folder.
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  return `${user}
daemon off;
worker_processes 1;
pid ${path.join(folder, 'nginx.pid')};
error_log stderr notice;
events { worker_connections 1024; }
http {
  access_log off;
${temporary}
  keepalive_requests 1000000;
  upstream bench {
    server ${upstream.host};
    keepalive 64;
    keepalive_requests 1000000;
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://bench;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }
}
`;
}

/** nginx can't be asked for a free port, so one is found and let go of just before. */
async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
