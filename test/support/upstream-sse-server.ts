import type http from 'node:http';
import { readBody, startHttpServer, type UpstreamServer } from './upstream-server.ts';

/** One session of the scripted server. */
interface ScriptedSession {
  readonly headers: http.IncomingHttpHeaders;
  readonly stream: http.ServerResponse;
  readonly received: { readonly message: unknown; readonly headers: http.IncomingHttpHeaders }[];
  /** Sends one message as an event. */
  send(message: unknown): void;
}

interface ScriptedMessage {
  readonly session: ScriptedSession;
  readonly message: { readonly id?: unknown; readonly method?: string; readonly params?: unknown };
  readonly response: http.ServerResponse;
}

export interface SseServerScript {
  /** The first event; undefined: `/message?session=n`. */
  readonly endpoint?: (session: number) => string;
  /** Answers the GET in its own way when it returns true. */
  readonly onGet?: (request: http.IncomingMessage, response: http.ServerResponse) => boolean;
  /** Called for each message; the default acknowledges with 202 and answers `initialize`. */
  readonly onMessage?: (message: ScriptedMessage) => boolean;
}

export interface SseServer extends UpstreamServer {
  readonly sessions: ScriptedSession[];
}

const initializeResult = {
  protocolVersion: '2024-11-05',
  capabilities: {},
  serverInfo: { name: 'scripted', version: '1' },
};

/** An HTTP+SSE server that behaves as a test says. */
export async function startSseServer(script: SseServerScript = {}): Promise<SseServer> {
  const sessions: ScriptedSession[] = [];
  const open = (request: http.IncomingMessage, stream: http.ServerResponse): void => {
    if (script.onGet?.(request, stream) === true) return;
    stream.writeHead(200, { 'content-type': 'text/event-stream' });
    const send = (message: unknown) => stream.write(`data: ${JSON.stringify(message)}\n\n`);
    sessions.push({ headers: request.headers, stream, received: [], send });
    const address =
      script.endpoint?.(sessions.length - 1) ?? `/message?session=${sessions.length - 1}`;
    stream.write(`event: endpoint\ndata: ${address}\n\n`);
  };
  const take = async (request: http.IncomingMessage, response: http.ServerResponse) => {
    const session =
      sessions[Number(new URL(request.url ?? '/', 'http://x').searchParams.get('session'))];
    const message = JSON.parse(await readBody(request)) as ScriptedMessage['message'];
    if (session === undefined) return void response.writeHead(404).end();
    session.received.push({ message, headers: request.headers });
    if (script.onMessage?.({ session, message, response }) === true) return;
    response.writeHead(202).end('Accepted');
    if (message.method === 'initialize') {
      session.send({ jsonrpc: '2.0', id: message.id, result: initializeResult });
    }
  };
  const server = await startHttpServer((request, response) => {
    if (request.method === 'GET') open(request, response);
    else take(request, response).catch(() => response.destroy());
  });
  return { ...server, sessions };
}
