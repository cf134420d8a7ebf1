import type http from 'node:http';
import { reasons } from '../../common/reasons.ts';
import type { ServerEntry } from '../../data-plane/snapshot/snapshot.ts';
import type { UpstreamTransport } from '../../data-plane/upstream/upstream-transport.ts';
import { endpointEntry, serverEntry } from './upstream-entries.ts';
import { readBody, startHttpServer, type UpstreamServer } from './upstream-server.ts';

const relayed = [
  'accept',
  'content-type',
  'mcp-session-id',
  'mcp-protocol-version',
  'last-event-id',
];

/** The thinnest HTTP server over an upstream transport: what a client sees of the transport alone. */
export function startFront(
  transport: UpstreamTransport,
  url: URL,
  fields: Partial<ServerEntry>,
): Promise<UpstreamServer> {
  const endpoint = endpointEntry(url);
  const server = serverEntry([endpoint], fields);
  const forward = async (request: http.IncomingMessage, response: http.ServerResponse) => {
    const body = await readBody(request);
    const headers = relayed.flatMap((name) => {
      const value = request.headers[name];
      return typeof value === 'string' ? [[name, value] as const] : [];
    });
    const exchange = transport.open(
      {
        server,
        endpoint,
        method: request.method === 'GET' || request.method === 'DELETE' ? request.method : 'POST',
        headers: Object.fromEntries(headers),
        body: body === '' ? undefined : Buffer.from(body),
        headTimeoutMs: 10_000,
        idleTimeoutMs: request.method === 'GET' ? 0 : 10_000,
      },
      {
        onHead: (head) => {
          response.writeHead(head.status, Object.fromEntries(head.headers));
          response.flushHeaders();
        },
        onData: (chunk) => {
          if (!response.write(chunk)) exchange.pause();
        },
        onEnd: () => response.end(),
        onFailure: (failure) => {
          if (response.headersSent) response.destroy();
          else response.writeHead(reasons[failure.reason].httpStatus).end(failure.reason);
        },
      },
    );
    response.on('drain', () => exchange.resume());
    response.on('close', () => exchange.abort());
  };
  return startHttpServer((request, response) => {
    forward(request, response).catch(() => response.destroy());
  });
}
