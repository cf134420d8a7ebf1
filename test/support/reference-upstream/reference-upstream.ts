import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type NodeIncomingMessageLike, toNodeHandler } from '@modelcontextprotocol/node';
import {
  createMcpHandler,
  hostHeaderValidationResponse,
  isLegacyRequest,
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  originValidationResponse,
} from '@modelcontextprotocol/server';
import { ChangeHub } from './change-hub.ts';
import { LegacySessions } from './legacy-sessions.ts';
import { newRoundCodec } from './multi-round-tools.ts';
import { newReferenceServer } from './server-factory.ts';

/** A running reference server; several stand side by side. */
export interface ReferenceUpstream {
  /** MCP URL, `http://127.0.0.1:<port>/mcp`. */
  readonly url: string;
  /** Ends every stream and session and frees the port. */
  close(): Promise<void>;
}

/**
 * A dual-era MCP server with every fixture of the conformance suites: sessions for legacy clients, one
 * server for each request of modern ones. It checks Host and Origin, as the suites' DNS rebinding
 * scenario asks. `port` 0 picks a free one; it listens on loopback only.
 */
export async function startReferenceUpstream(port: number): Promise<ReferenceUpstream> {
  const hub = new ChangeHub();
  const codec = newRoundCodec();
  const newServer = () => newReferenceServer(hub, codec);
  const legacy = new LegacySessions(newServer, hub);
  const modern = createMcpHandler(newServer, { legacy: 'reject' });
  hub.attachModern(modern.notify);

  const handler = toNodeHandler({
    fetch: async (request) => {
      const rejected =
        hostHeaderValidationResponse(request, localhostAllowedHostnames()) ??
        originValidationResponse(request, localhostAllowedOrigins());
      if (rejected) return rejected;
      if (new URL(request.url).pathname !== '/mcp') return new Response(null, { status: 404 });
      return (await isLegacyRequest(request)) ? legacy.fetch(request) : modern.fetch(request);
    },
  });
  const server = createServer(
    // Node types its optional fields as possibly undefined, which the adapter's type leaves out.
    (request, response) => void handler(request as NodeIncomingMessageLike, response),
  );
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${address.port}/mcp`,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      await Promise.all([legacy.close(), modern.close()]);
      server.closeAllConnections();
      await closed;
    },
  };
}
