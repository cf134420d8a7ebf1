import type { IncomingMessage, ServerResponse } from 'node:http';
import { readBody, startHttpServer, type UpstreamServer } from './upstream-server.ts';

export interface SeenRequest {
  readonly method: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** An upstream that a test answers for, and that keeps what it was sent. */
export interface ProxyUpstream extends UpstreamServer {
  readonly seen: SeenRequest[];
}

type Answer = (request: SeenRequest, response: ServerResponse) => void;

export async function startProxyUpstream(answer: Answer): Promise<ProxyUpstream> {
  const seen: SeenRequest[] = [];
  const server = await startHttpServer((request, response) => {
    void readBody(request).then((body) => {
      const one = { method: request.method ?? '', headers: request.headers, body };
      seen.push(one);
      answer(one, response);
    });
  });
  return { ...server, seen };
}

/** Answers with this result, under the request's own id. */
export function answerResult(request: SeenRequest, response: ServerResponse, result: unknown) {
  const { id } = JSON.parse(request.body) as { id: unknown };
  const body = JSON.stringify({ jsonrpc: '2.0', id, result });
  response.writeHead(200, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}

/** Answers every request with an empty result. */
export const emptyResult: Answer = (request, response) => answerResult(request, response, {});

/** A request of the modern era with the headers that go with it. */
export function modernRequest(method: string, params: Record<string, unknown>, id: unknown = 1) {
  const version = '2026-07-28';
  const message = {
    jsonrpc: '2.0',
    id,
    method,
    params: {
      ...params,
      _meta: {
        'io.modelcontextprotocol/protocolVersion': version,
        'io.modelcontextprotocol/clientCapabilities': {},
      },
    },
  };
  const name = params['name'] ?? params['uri'] ?? params['taskId'];
  const headers: Record<string, string> = { 'mcp-protocol-version': version, 'mcp-method': method };
  if (typeof name === 'string') headers['mcp-name'] = name;
  return { message, headers };
}
