import { randomUUID } from 'node:crypto';
import {
  type McpServer,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server';
import type { ChangeHub, LegacyListener } from './change-hub.ts';
import { EventHistory } from './event-history.ts';

interface LegacySession extends LegacyListener {
  readonly transport: WebStandardStreamableHTTPServerTransport;
}

/** How long a client waits before it resumes a closed stream, in milliseconds. */
const retryIntervalMs = 500;
const sessionsMax = 1000;
const eventsMax = 1000;

/** The legacy half: one server and one transport for each `Mcp-Session-Id`. */
export class LegacySessions {
  readonly #sessions = new Map<string, LegacySession>();
  readonly #newServer: () => McpServer;
  readonly #hub: ChangeHub;

  constructor(newServer: () => McpServer, hub: ChangeHub) {
    this.#newServer = newServer;
    this.#hub = hub;
  }

  /** Serves a legacy request: in its session, or in a new one when it names none. */
  async fetch(request: Request): Promise<Response> {
    const sessionId = request.headers.get('mcp-session-id');
    if (sessionId !== null) {
      const session = this.#sessions.get(sessionId);
      if (!session) return refusal(404, 'Session not found');
      const response = await session.transport.handleRequest(request);
      return request.method === 'GET' ? beginAtOnce(response) : response;
    }
    if (this.#sessions.size >= sessionsMax) return refusal(503, 'Too many sessions');
    const session = await this.#begin();
    const response = await session.transport.handleRequest(request);
    // Only an accepted `initialize` begins a session; whatever else came leaves nothing behind.
    if (session.transport.sessionId === undefined) await session.server.close();
    return response;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#sessions.values()].map(({ server }) => server.close()));
  }

  async #begin(): Promise<LegacySession> {
    const server = this.#newServer();
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      eventStore: new EventHistory(eventsMax),
      retryInterval: retryIntervalMs,
      onsessioninitialized: (id) => {
        this.#sessions.set(id, session);
        this.#hub.add(session);
      },
      onsessionclosed: (id) => {
        this.#sessions.delete(id);
        this.#hub.remove(session);
      },
    });
    const session: LegacySession = { server, transport, subscribedUris: new Set() };
    server.server.setRequestHandler('resources/subscribe', ({ params }) => {
      session.subscribedUris.add(params.uri);
      return {};
    });
    server.server.setRequestHandler('resources/unsubscribe', ({ params }) => {
      session.subscribedUris.delete(params.uri);
      return {};
    });
    await server.connect(transport);
    return session;
  }
}

/**
 * Puts a comment in front of a stream: Node sends a head only with the first bytes of the body, and a
 * client that opened a quiet stream must see that it stands.
 */
function beginAtOnce(response: Response): Response {
  if (!response.ok || !response.body) return response;
  const opening = new TransformStream<Uint8Array, Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode(': open\n\n')),
  });
  return new Response(response.body.pipeThrough(opening), response);
}

function refusal(status: number, message: string): Response {
  return Response.json({ jsonrpc: '2.0', error: { code: -32000, message }, id: null }, { status });
}
