import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { ProxyHarness } from '../support/proxy-harness.ts';
import { RawClient, rawPost } from '../support/proxy-raw-client.ts';
import { startHttpServer, type UpstreamServer } from '../support/upstream-server.ts';

const megabyte = 1024 * 1024;

let node: ProxyHarness;
let upstream: UpstreamServer;
const clients: RawClient[] = [];

beforeEach(async () => {
  // Keeps nothing of what it is sent, and never ends an answer.
  upstream = await startHttpServer((request, response) => {
    request.resume().once('end', () => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(': open\n\n');
    });
  });
  node = await new ProxyHarness().start();
  node.serve('plain', upstream.url);
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await node.close();
  await upstream.close();
});

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

/** Bytes that this process holds, buffers outside the heap included. */
async function bytesHeld(): Promise<number> {
  for (let round = 0; round < 3; round += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

async function openStream(padding: string, id: number): Promise<void> {
  const client = new RawClient(node.port);
  clients.push(client);
  await once(client.socket, 'connect');
  const params = { name: 'echo', arguments: { padding } };
  const message = { jsonrpc: '2.0', id, method: 'tools/call', params };
  client.write(rawPost('/acme/plain/mcp', node.key, JSON.stringify(message)));
  await client.until(/: open/);
}

test('a stream that stays open holds nothing of the request that opened it', async () => {
  const count = 24;
  await openStream('warm', 0);
  const before = await bytesHeld();
  const padding = 'x'.repeat(megabyte);
  for (let id = 1; id <= count; id += 1) await openStream(padding, id);
  // Body, text and parsed message would be three times as much for each.
  expect(((await bytesHeld()) - before) / count).toBeLessThan(megabyte / 4);
});
