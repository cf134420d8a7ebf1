import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { requestBody } from './bench-message.ts';
import type { EnforcementSubject } from './enforcement.ts';
import type { LoadTarget } from './load.ts';

/** Disables and enables the server that is called, as an admin does. */
export type SwitchServer = (enabled: boolean) => Promise<void>;

/** A server that agents call and an admin switches off; `close` ends the agents' connections. */
export function serverSwitch(
  target: LoadTarget,
  switchServer: SwitchServer,
): EnforcementSubject & { close(): void } {
  const agent = new Agent({ keepAlive: true });
  let calls = 0;
  return {
    call: async () => {
      calls += 1;
      const { status, text } = await post(target, agent, requestBody(calls));
      if (status === 200) return true;
      if (status === 503 && text.includes('"server_disabled"')) return false;
      throw new Error(`A call was answered with ${status} ${text}`);
    },
    forbid: () => switchServer(false),
    permit: () => switchServer(true),
    close: () => agent.destroy(),
  };
}

async function post({ url, apiKey }: LoadTarget, agent: Agent, body: string) {
  const sent = request(url, {
    agent,
    method: 'POST',
    headers: {
      ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'mcp-protocol-version': '2025-11-25',
    },
  });
  sent.end(body);
  const [answer] = await once(sent, 'response');
  let text = '';
  for await (const chunk of answer.setEncoding('utf8')) text += chunk;
  return { status: Number(answer.statusCode), text };
}
