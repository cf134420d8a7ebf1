import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { ProxyHarness } from '../support/proxy-harness.ts';
import { emptyResult, type ProxyUpstream, startProxyUpstream } from '../support/proxy-upstream.ts';

const callEcho = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo' } };

let upstream: ProxyUpstream;
let node: ProxyHarness | undefined;
let log = '';

async function start(privateAddressesAllowed: boolean): Promise<ProxyHarness> {
  log = '';
  const sink = new Writable({
    write(chunk, _encoding, done) {
      log += String(chunk);
      done();
    },
  });
  node = await new ProxyHarness({
    upstream: { privateAddressesAllowed },
    logger: pino({ level: 'info' }, sink),
  }).start();
  return node;
}

beforeEach(async () => {
  upstream = await startProxyUpstream(emptyResult);
});

afterEach(async () => {
  await node?.close();
  await upstream.close();
});

describe('an upstream at a private address', () => {
  test.each([
    ['by number', '127.0.0.1', 'streamable-http'],
    ['by name', 'localhost', 'streamable-http'],
    ['in an IPv6 form', '[::ffff:127.0.0.1]', 'streamable-http'],
    ['over HTTP+SSE', '127.0.0.1', 'http-sse'],
  ] as const)('is not connected to (%s)', async (_how, host, transport) => {
    const { port } = upstream.url;
    const started = await start(false);
    const url = started.serve('inside', `http://${host}:${port}/mcp`, { transport });
    const message = { ...callEcho, method: 'initialize' };
    const response = await started.post(url, message);
    const text = await response.text();
    expect([response.status, JSON.parse(text)]).toMatchObject([
      502,
      { id: 1, error: { data: { reason: 'upstream_connect_failed' } } },
    ]);
    expect(upstream.connections()).toBe(0);
    expect(started.recorder.records).toMatchObject([{ reason: 'upstream_connect_failed' }]);
    expect(log).toContain('ERR_ADDRESS_NOT_ALLOWED');
    expect(text).not.toContain('private');
  });

  test('does not end the search for an endpoint, for nothing was sent', async () => {
    const started = await start(false);
    const endpoints = ['http://127.0.0.1:9/mcp', 'http://10.0.0.1:9/mcp'].map((href, index) => {
      return { id: `e${index}`, url: new URL(href), weight: 1 };
    });
    await started.post(started.serve('two', upstream.url, { endpoints }), callEcho);
    expect(log.match(/ERR_ADDRESS_NOT_ALLOWED/g)).toHaveLength(2);
  });

  test('is called where the node may', async () => {
    const started = await start(true);
    const response = await started.post(started.serve('inside', upstream.url), callEcho);
    expect(response.status).toBe(200);
    expect(log).toBe('');
  });
});
