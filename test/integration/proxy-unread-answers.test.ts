import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ProxyHarness } from '../support/proxy-harness.ts';
import { rawPost } from '../support/proxy-raw-client.ts';
import { type ProxyUpstream, startProxyUpstream } from '../support/proxy-upstream.ts';

const megabyte = 1024 * 1024;
const stallTimeoutMs = 400;
const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'large' } };
const quiet = { ...call, params: { name: 'quiet' } };
const answer = JSON.stringify({ jsonrpc: '2.0', id: 1, result: 'x'.repeat(12 * megabyte) });

/** A client that takes what comes only while it is let, and keeps no more than the count of it. */
class Taker {
  bytes = 0;
  readonly socket: net.Socket;
  readonly closed: Promise<unknown>;

  constructor(port: number) {
    this.socket = net.connect({ port, host: '127.0.0.1' });
    this.socket.on('data', (chunk) => {
      this.bytes += chunk.length;
    });
    this.socket.on('error', () => undefined);
    this.closed = once(this.socket, 'close').catch(() => undefined);
  }

  post(message: object): void {
    this.socket.write(rawPost('/acme/plain/mcp', node.key, JSON.stringify(message)));
  }

  async until(bytes: number): Promise<void> {
    while (this.bytes < bytes) {
      if (this.socket.destroyed) throw new Error(`cut after ${this.bytes} bytes`);
      await Promise.race([once(this.socket, 'data'), this.closed]);
    }
  }
}

let upstream: ProxyUpstream;
let node: ProxyHarness;
let client: Taker;

beforeEach(async () => {
  upstream = await startProxyUpstream(({ body }, response) => {
    if (body.includes('quiet')) {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(': quiet\n\n');
    } else {
      const headers = { 'content-type': 'application/json', 'content-length': answer.length };
      response.writeHead(200, headers).end(answer);
    }
  });
  node = await new ProxyHarness({
    // The node takes the whole answer at once: what is left is to hand it over.
    listener: { clientBufferBytes: 2 * answer.length, stallTimeoutMs },
  }).start();
  node.serve('plain', upstream.url);
  client = new Taker(node.port);
  await once(client.socket, 'connect');
});

afterEach(async () => {
  client.socket.destroy();
  await node.close();
  await upstream.close();
});

describe('an answer that is whole', () => {
  test('is given up when its client takes nothing of it any more', async () => {
    client.socket.pause();
    client.post(call);
    const record = await node.recorder.until(() => true);
    expect(record).toMatchObject({ outcome: 'completed', responseBytes: answer.length });
    // A client that reads nothing isn't told: it finds the connection cut when it goes on.
    await wait(3 * stallTimeoutMs);
    client.socket.resume();
    await client.closed;
    expect(client.bytes).toBeGreaterThan(0);
    expect(client.bytes).toBeLessThan(answer.length);
  });

  test('is handed over to the end to a client that takes it slowly', async () => {
    const begunMs = performance.now();
    let pauses = 0;
    client.socket.on('data', () => {
      if (client.bytes < (pauses + 1) * megabyte) return;
      pauses += 1;
      client.socket.pause();
      setTimeout(() => client.socket.resume(), stallTimeoutMs / 4);
    });
    client.post(call);
    await client.until(answer.length);
    expect(performance.now() - begunMs).toBeGreaterThan(2 * stallTimeoutMs);
  });

  test('leaves no bound behind on a stream that follows on its connection', async () => {
    client.socket.pause();
    client.post(call);
    await node.recorder.until(() => true);
    client.socket.resume();
    await client.until(answer.length);
    client.bytes = 0;
    client.post(quiet);
    await client.until(1);
    await wait(3 * stallTimeoutMs);
    expect(client.socket.readyState).toBe('open');
  });
});
