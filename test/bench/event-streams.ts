import { once } from 'node:events';
import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import type { LoadTarget } from './load.ts';

/** Open GET streams of legacy sessions, each on a connection of its own. */
export interface EventStreams {
  /** How many the other side ended. */
  dropped(): number;
  close(): void;
}

const protocolVersion = '2025-11-25';

/** Begins `count` sessions and opens the event stream of each. */
export async function openEventStreams(target: LoadTarget, count: number): Promise<EventStreams> {
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
  let dropped = 0;
  let closing = false;
  const onEnd = () => {
    if (!closing) dropped += 1;
  };
  const open: ClientRequest[] = [];
  for (let index = 0; index < count; index += 1) {
    const sessionId = await beginSession(target, agent);
    const stream = send(target, agent, 'GET', { 'mcp-session-id': sessionId });
    stream.end();
    const answer = await head(stream);
    if (answer.statusCode !== 200) throw new Error(`A stream got ${answer.statusCode}.`);
    answer.resume().once('close', onEnd);
    open.push(stream);
  }
  return {
    dropped: () => dropped,
    close: () => {
      closing = true;
      for (const stream of open) stream.destroy();
      agent.destroy();
    },
  };
}

async function beginSession(target: LoadTarget, agent: Agent): Promise<string> {
  const begun = await post(
    target,
    agent,
    {},
    {
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: { protocolVersion, capabilities: {}, clientInfo: { name: 'bench', version: '1' } },
    },
  );
  const sessionId = begun.headers['mcp-session-id'];
  if (typeof sessionId !== 'string') throw new Error(`No session: ${begun.statusCode}.`);
  const initialized = { jsonrpc: '2.0', method: 'notifications/initialized' };
  await post(target, agent, { 'mcp-session-id': sessionId }, initialized);
  return sessionId;
}

async function post(
  target: LoadTarget,
  agent: Agent,
  headers: Record<string, string>,
  message: unknown,
): Promise<IncomingMessage> {
  const sent = send(target, agent, 'POST', { ...headers, 'content-type': 'application/json' });
  sent.end(JSON.stringify(message));
  const answer = await head(sent);
  const ended = once(answer, 'end');
  answer.resume();
  await ended;
  return answer;
}

function send(
  { url, apiKey }: LoadTarget,
  agent: Agent,
  method: string,
  headers: Record<string, string>,
): ClientRequest {
  return request(url, {
    agent,
    method,
    headers: {
      ...headers,
      ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
      accept: method === 'GET' ? 'text/event-stream' : 'application/json, text/event-stream',
      'mcp-protocol-version': protocolVersion,
    },
  });
}

async function head(sent: ClientRequest): Promise<IncomingMessage> {
  const [answer] = await once(sent, 'response');
  return answer;
}
