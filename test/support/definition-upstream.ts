import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A JSON-RPC request as it came. */
export interface ReceivedRequest {
  readonly id?: number | string;
  readonly method: string;
  readonly params?: Readonly<Record<string, unknown>>;
}

/** What a test makes of a request: a result, or an answer of its own. */
export type Answering = (
  request: ReceivedRequest,
  response: ServerResponse,
) => object | 'answered' | undefined;

/** A legacy Streamable HTTP server that a test makes misbehave. */
export interface DefinitionUpstream {
  readonly url: string;
  /** Every HTTP request: its method, and the JSON-RPC method if there is one. */
  readonly requests: readonly string[];
  readonly headers: readonly IncomingMessage['headers'][];
  /** Ids of sessions that were begun and not ended. */
  readonly sessions: ReadonlySet<string>;
  close(): Promise<void>;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

const initialized = {
  protocolVersion: '2025-11-25',
  capabilities: { tools: {}, prompts: {}, resources: {} },
  serverInfo: { name: 'test', version: '1' },
};

/** What is not answered by `answer` is answered as by a server that has nothing. */
const empty: Readonly<Record<string, object>> = {
  'tools/list': { tools: [] },
  'prompts/list': { prompts: [] },
  'resources/list': { resources: [] },
  'resources/templates/list': { resourceTemplates: [] },
};

export async function startDefinitionUpstream(answer: Answering): Promise<DefinitionUpstream> {
  const requests: string[] = [];
  const headers: IncomingMessage['headers'][] = [];
  const sessions = new Set<string>();
  let count = 0;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    headers.push(request.headers);
    const text = await bodyOf(request);
    if (request.method === 'POST') return handleMessage(JSON.parse(text), response);
    requests.push(request.method ?? '');
    if (request.method === 'DELETE') sessions.delete(String(request.headers['mcp-session-id']));
    response.writeHead(request.method === 'DELETE' ? 200 : 405).end();
  }

  function handleMessage(message: ReceivedRequest, response: ServerResponse): void {
    requests.push(`POST ${message.method}`);
    const made = answer(message, response);
    if (made === 'answered') return;
    if (message.id === undefined) {
      response.writeHead(202).end();
      return;
    }
    if (message.method === 'initialize' && made === undefined) {
      count += 1;
      sessions.add(`s${count}`);
      response.setHeader('mcp-session-id', `s${count}`);
    }
    const result = made ?? (message.method === 'initialize' ? initialized : empty[message.method]);
    const outcome =
      result === undefined ? { error: { code: -32601, message: 'no such method' } } : { result };
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ jsonrpc: '2.0', id: message.id, ...outcome }));
  }

  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    requests,
    headers,
    sessions,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
