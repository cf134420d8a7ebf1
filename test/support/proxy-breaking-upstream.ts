import type { ServerResponse } from 'node:http';
import { type ProxyUpstream, type SeenRequest, startProxyUpstream } from './proxy-upstream.ts';

interface SeenMessage {
  readonly id?: unknown;
  readonly method?: string;
}

const tools = { capabilities: { tools: {} }, serverInfo: { name: 'breaking', version: '1.0.0' } };

const results: Readonly<Record<string, unknown>> = {
  initialize: { protocolVersion: '2025-11-25', ...tools },
  'server/discover': {
    resultType: 'complete',
    supportedVersions: ['2026-07-28'],
    ttlMs: 0,
    cacheScope: 'private',
    ...tools,
  },
};

/**
 * A server of both eras whose answers to `tools/call` are streams of events that `answer` writes, and
 * leaves as they are.
 */
export function startBreakingUpstream(
  answer: (response: ServerResponse, id: unknown, request: SeenRequest) => void,
): Promise<ProxyUpstream> {
  return startProxyUpstream((request, response) => {
    if (request.method !== 'POST') {
      response.writeHead(405).end();
      return;
    }
    const { id, method = '' } = JSON.parse(request.body) as SeenMessage;
    const result = results[method];
    if (method === 'tools/call') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.flushHeaders();
      answer(response, id, request);
    } else if (result === undefined) {
      response.writeHead(202).end();
    } else {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ jsonrpc: '2.0', id, result }));
    }
  });
}
