import { setTimeout as delay } from 'node:timers/promises';

const pollMs = 25;

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

async function answers(url: string, apiKey: string, signal: AbortSignal): Promise<boolean> {
  const headers = {
    authorization: `Bearer ${apiKey}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  };
  const response = await fetch(url, { method: 'POST', headers, body: initialize, signal });
  await response.body?.cancel();
  const session = response.headers.get('mcp-session-id');
  if (session !== null) {
    const ended = { ...headers, 'mcp-session-id': session };
    await (await fetch(url, { method: 'DELETE', headers: ended, signal })).body?.cancel();
  }
  return response.ok;
}

/** A node that is just being started again refuses the connection: not served yet, either. */
function isServed(url: string, apiKey: string, signal: AbortSignal): Promise<boolean> {
  return answers(url, apiKey, signal).catch(() => false);
}

/**
 * Waits until every URL answers an MCP `initialize` through the node, as an agent would see it.
 * @throws {Error} naming the first URL that doesn't within `timeoutMs`; and when `signal` is aborted.
 */
export async function waitUntilServed(
  urls: readonly string[],
  apiKey: string,
  signal: AbortSignal,
  timeoutMs = 15_000,
): Promise<void> {
  const timeout = AbortSignal.timeout(timeoutMs);
  const either = AbortSignal.any([signal, timeout]);
  for (const url of urls) {
    while (!(await isServed(url, apiKey, either))) {
      signal.throwIfAborted();
      if (timeout.aborted) throw new Error(`${url} does not answer; see the node's log`);
      await delay(pollMs);
    }
  }
}
