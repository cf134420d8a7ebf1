import { setTimeout as delay } from 'node:timers/promises';

const initialize = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'quickstart', version: '1' },
  },
});

async function answers(url: string, apiKey: string): Promise<boolean> {
  const headers = {
    authorization: `Bearer ${apiKey}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  };
  const response = await fetch(url, { method: 'POST', headers, body: initialize });
  await response.body?.cancel();
  const session = response.headers.get('mcp-session-id');
  if (session !== null) {
    await fetch(url, { method: 'DELETE', headers: { ...headers, 'mcp-session-id': session } });
  }
  return response.ok;
}

/** A node that is just being started again refuses the connection: not served yet, either. */
function isServed(url: string, apiKey: string): Promise<boolean> {
  return answers(url, apiKey).catch(() => false);
}

/**
 * Waits until every URL answers an MCP `initialize` through the node, as an agent would see it.
 * @throws {Error} naming the first URL that doesn't within `timeoutMs`.
 */
export async function waitUntilServed(
  urls: readonly string[],
  apiKey: string,
  timeoutMs = 15_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (const url of urls) {
    while (!(await isServed(url, apiKey))) {
      if (Date.now() > deadline) throw new Error(`${url} does not answer; see the node's log`);
      await delay(25);
    }
  }
}
