import type {
  TransportRefusal,
  UpstreamExchange,
  UpstreamRequest,
  UpstreamSink,
  UpstreamTransport,
} from '../upstream-transport.ts';
import { type MessageEnvelope, type RequestEnvelope, readEnvelope } from './message-envelope.ts';
import { type ReplyOwner, ReplyStream } from './reply-stream.ts';
import { SseSession, type SseSessionOptions } from './sse-session.ts';

export interface HttpSseTransportOptions extends SseSessionOptions {
  /** Sessions of one endpoint at the same time; idle ones make room. */
  readonly sessionsMax: number;
  readonly randomBytes: (size: number) => Buffer;
}

/** A reply that no session fills. */
const nobody: ReplyOwner = { aborted: () => undefined, queued: () => undefined };

/**
 * HTTP+SSE servers (2024-11-05), shown as servers of legacy Streamable HTTP. `initialize` opens a session,
 * which is the server's event stream and so lives on this node only and ends with that stream; everywhere
 * else and afterwards its id is answered with 404.
 */
export class HttpSseTransport implements UpstreamTransport {
  readonly #options: HttpSseTransportOptions;
  readonly #prefix: string;
  readonly #sessions = new Map<string, SseSession>();
  readonly #byEndpoint = new Map<string, Set<SseSession>>();

  constructor(options: HttpSseTransportOptions) {
    this.#options = options;
    // It names this process, so that two nodes can't ever give out the same id.
    this.#prefix = `sse-${options.randomBytes(6).toString('base64url')}`;
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  open(request: UpstreamRequest, sink: UpstreamSink): UpstreamExchange {
    const { method, headers, body } = request;
    const sessionId = headers['mcp-session-id'];
    const message = method === 'POST' ? readEnvelope(body?.toString() ?? '') : undefined;
    if (method === 'POST' && message === undefined) return refusal(sink, 'message_invalid');
    if (sessionId === undefined) {
      return isInitialize(message)
        ? this.#begin(request, message, sink)
        : refusal(sink, 'session_required');
    }
    const session = this.#find(request, sessionId);
    if (session === undefined) return refusal(sink, 'session_unknown');
    if (method === 'DELETE') return this.#end(session, sink);
    const reply = new ReplyStream(sink, request.idleTimeoutMs, session);
    if (message === undefined) session.listen(reply);
    else session.post(request, message, reply);
    return reply;
  }

  /** Ends all sessions. */
  close(): void {
    for (const session of [...this.#sessions.values()]) {
      session.close({
        reason: 'upstream_closed',
        nothingSent: false,
        detail: 'the node ends its sessions',
      });
    }
  }

  #find(request: UpstreamRequest, sessionId: string): SseSession | undefined {
    const session = this.#sessions.get(sessionId);
    // An id is good at the server and endpoint that it was given for, and nowhere else.
    const here =
      session?.serverId === request.server.id && session.endpointId === request.endpoint.id;
    return here ? session : undefined;
  }

  #begin(
    request: UpstreamRequest,
    initialize: RequestEnvelope,
    sink: UpstreamSink,
  ): UpstreamExchange {
    const ofEndpoint = this.#byEndpoint.get(request.endpoint.id) ?? new Set<SseSession>();
    if (!makeRoom(ofEndpoint, this.#options.sessionsMax)) return full(sink);
    const id = `${this.#prefix}-${this.#options.randomBytes(24).toString('base64url')}`;
    const session = new SseSession(id, request, this.#options, (closed) => this.#forget(closed));
    this.#sessions.set(id, session);
    this.#byEndpoint.set(request.endpoint.id, ofEndpoint.add(session));
    const reply = new ReplyStream(sink, request.idleTimeoutMs, session);
    session.begin(request, initialize, reply);
    return reply;
  }

  #end(session: SseSession, sink: UpstreamSink): UpstreamExchange {
    session.close({
      reason: 'upstream_closed',
      nothingSent: false,
      detail: 'the session was ended by its client',
    });
    const reply = new ReplyStream(sink, 0, nobody);
    queueMicrotask(() => {
      reply.head({ status: 204, headers: new Map() });
      reply.end();
    });
    return reply;
  }

  #forget(session: SseSession): void {
    this.#sessions.delete(session.id);
    const ofEndpoint = this.#byEndpoint.get(session.endpointId);
    ofEndpoint?.delete(session);
    if (ofEndpoint?.size === 0) this.#byEndpoint.delete(session.endpointId);
  }
}

function isInitialize(message: MessageEnvelope | undefined): message is RequestEnvelope {
  return message?.kind === 'request' && message.method === 'initialize';
}

function refusal(sink: UpstreamSink, reason: TransportRefusal): UpstreamExchange {
  const reply = new ReplyStream(sink, 0, nobody);
  reply.refuse(reason);
  return reply;
}

function full(sink: UpstreamSink): UpstreamExchange {
  const reply = new ReplyStream(sink, 0, nobody);
  queueMicrotask(() =>
    reply.fail({
      reason: 'endpoint_unavailable',
      nothingSent: true,
      detail: 'too many sessions of this endpoint are in use',
    }),
  );
  return reply;
}

/** Ends the oldest session without a caller when the bound is reached; false when all are in use. */
function makeRoom(sessions: ReadonlySet<SseSession>, sessionsMax: number): boolean {
  if (sessions.size < sessionsMax) return true;
  for (const session of sessions) {
    if (session.busy) continue;
    session.close({
      reason: 'upstream_closed',
      nothingSent: false,
      detail: 'the session made room for a new one',
    });
    return true;
  }
  return false;
}
