import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import net from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eventually } from '../support/control-stream.ts';
import { LoneNode } from '../support/lone-node.ts';
import { rawPost } from '../support/proxy-raw-client.ts';
import { startHttpServer, type UpstreamServer } from '../support/upstream-server.ts';

const kilobyte = 1024;
const streamCount = 1000;
/** Connects so many at a time, which fit into a listener's backlog. */
const atOnce = 50;
const answers: ServerResponse[] = [];
const clients: net.Socket[] = [];
const event = `data: {"jsonrpc":"2.0","method":"notifications/message","params":{"data":"${'x'.repeat(64 * kilobyte)}"}}\n\n`;

let upstream: UpstreamServer;
let node: LoneNode;

beforeAll(async () => {
  upstream = await startHttpServer((request, response) => {
    request.resume().once('end', () => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(': open\n\n');
      answers.push(response);
    });
  });
  node = await LoneNode.start(upstream.url, { MCPGW_PROXY_STALL_TIMEOUT_MS: '600000' });
});

afterAll(async () => {
  for (const client of clients) client.destroy();
  await node.close();
  await upstream.close();
});

async function openStream(id: number): Promise<void> {
  const client = net.connect({ port: node.port, host: '127.0.0.1' });
  clients.push(client);
  client.on('error', () => undefined);
  const call = { jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'flood' } };
  client.write(rawPost('/acme/plain/mcp', node.key, JSON.stringify(call)));
  let text = '';
  while (!text.includes(': open')) {
    const [chunk] = await once(client, 'data');
    text += chunk;
  }
  // From here on it takes nothing.
  client.pause();
}

async function openStreams(): Promise<void> {
  for (let id = 0; id < streamCount; id += atOnce) {
    await Promise.all(Array.from({ length: atOnce }, (_, index) => openStream(id + index)));
  }
}

/** Sends without an end as fast as it is taken. */
function flood(answer: ServerResponse): void {
  const more = () => {
    while (answer.write(event));
  };
  answer.on('drain', more);
  more();
}

/** What of the node lies in the machine's memory, in bytes. */
function residentBytes(): number {
  const status = readFileSync(`/proc/${node.pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * kilobyte;
}

/** Resolves once the value stays the same for a second. */
async function settled(read: () => number): Promise<void> {
  let last = Number.NaN;
  await eventually(
    async () => {
      const before = last;
      await wait(1000);
      last = read();
      return last === before;
    },
    (same) => same,
    60_000,
  );
}

test('a thousand clients that take nothing cost 64 KB each beyond their idle streams', async () => {
  await openStreams();
  // The records of the calls are on their way to the disk, and what opened the streams is given back.
  await wait(2000);
  const idleBytes = residentBytes();
  for (const answer of answers) flood(answer);
  await settled(() => answers.reduce((sum, { socket }) => sum + (socket?.bytesWritten ?? 0), 0));
  // Every upstream is held back, far from what it would send.
  expect(answers.every(({ writableNeedDrain }) => writableNeedDrain)).toBe(true);
  const eachKilobytes = (residentBytes() - idleBytes) / streamCount / kilobyte;
  expect(eachKilobytes).toBeLessThan(64);
}, 90_000);
