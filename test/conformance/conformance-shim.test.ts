import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type AuthorizationShim, startAuthorizationShim } from '../support/conformance-shim.ts';

let shim: AuthorizationShim;
let target: Server;

beforeEach(async () => {
  shim = await startAuthorizationShim();
  target = createServer();
  target.listen(0, '127.0.0.1');
  await once(target, 'listening');
  const { port } = target.address() as AddressInfo;
  shim.forwardTo(new URL(`http://127.0.0.1:${port}`), 'key-1');
});

afterEach(async () => {
  await shim.close();
  target.closeAllConnections();
  target.close();
});

describe('the authorization shim', () => {
  test('adds the credential and changes nothing else', async () => {
    const received = once(target, 'request');
    const sent = request(shim.url('/org/server/mcp?x=1'), {
      method: 'POST',
      headers: ['Host', 'evil.example.com', 'oRiGin', 'http://evil.example.com', 'X-A', '1'],
    });
    sent.end('{"a":1}');
    const [incoming, outgoing] = await received;
    const body = await text(incoming);
    outgoing.writeHead(403, 'Nope', ['X-B', '1', 'X-B', '2']).end('refused');
    const [answer] = await once(sent, 'response');

    expect(incoming.url).toBe('/org/server/mcp?x=1');
    expect(body).toBe('{"a":1}');
    expect(incoming.rawHeaders.slice(0, 6)).toEqual([
      'Host',
      'evil.example.com',
      'oRiGin',
      'http://evil.example.com',
      'X-A',
      '1',
    ]);
    expect(incoming.headers.authorization).toBe('Bearer key-1');
    expect([answer.statusCode, answer.statusMessage]).toEqual([403, 'Nope']);
    expect(answer.headersDistinct['x-b']).toEqual(['1', '2']);
    expect(await text(answer)).toBe('refused');
  });

  test('passes an event on before the stream ends, and its end when the client leaves', async () => {
    const received = once(target, 'request');
    const sent = request(shim.url('/'), { method: 'GET' });
    sent.end();
    const [, outgoing] = await received;
    outgoing.writeHead(200, { 'content-type': 'text/event-stream' });
    outgoing.write('data: 1\n\n');
    const [answer] = await once(sent, 'response');
    const [chunk] = await once(answer, 'data');
    expect(String(chunk)).toBe('data: 1\n\n');

    const closed = once(outgoing, 'close');
    sent.destroy();
    await closed;
  });

  test('drops the client’s connection when the target drops its own', async () => {
    const received = once(target, 'request');
    const sent = request(shim.url('/'), { method: 'GET' });
    sent.end();
    const [incoming] = await received;
    const failed = once(sent, 'error');
    incoming.destroy();
    await expect(failed).resolves.toBeDefined();
  });
});

async function text(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
