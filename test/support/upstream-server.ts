import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';

/** A server on a free loopback port, ended together with all its connections. */
export interface UpstreamServer {
  readonly url: URL;
  /** Connections accepted so far. */
  readonly connections: () => number;
  close(): Promise<void>;
}

async function listening(server: net.Server, url: (port: number) => URL): Promise<UpstreamServer> {
  const sockets = new Set<net.Socket>();
  let connections = 0;
  server.on('connection', (socket: net.Socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: url((server.address() as AddressInfo).port),
    connections: () => connections,
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      if (server.listening) await once(server, 'close');
    },
  };
}

export function startHttpServer(handler: http.RequestListener): Promise<UpstreamServer> {
  const server = http.createServer(handler);
  return listening(server, (port) => new URL(`http://127.0.0.1:${port}/mcp`));
}

export function startHttpsServer(
  tls: { readonly key: string; readonly cert: string },
  handler: http.RequestListener,
): Promise<UpstreamServer> {
  const server = https.createServer(tls, handler);
  return listening(server, (port) => new URL(`https://localhost:${port}/mcp`));
}

/** Speaks raw bytes: for what no HTTP server would do. */
export function startTcpServer(handler: (socket: net.Socket) => void): Promise<UpstreamServer> {
  const server = net.createServer({ allowHalfOpen: true }, handler);
  return listening(server, (port) => new URL(`http://127.0.0.1:${port}/mcp`));
}

/** The whole body of a request. */
export async function readBody(request: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
