import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, test } from '@jest/globals';
import { Registry } from 'prom-client';
import type { UpstreamOptions } from '../../../data-plane/upstream/upstream-options.ts';
import type { UpstreamTransport } from '../../../data-plane/upstream/upstream-transport.ts';
import { createUpstreams } from '../../../data-plane/upstream/upstreams.ts';
import { testCertificates } from '../../support/control-plane-double-certificates.ts';
import { loopbackUpstreams } from '../../support/upstream-bounds.ts';
import { endpointEntry, postTo, serverEntry } from '../../support/upstream-entries.ts';
import { UpstreamRecorder } from '../../support/upstream-recorder.ts';
import { startHttpServer, startHttpsServer } from '../../support/upstream-server.ts';
import { SseClient } from '../../support/upstream-sse-client.ts';
import { startSseServer } from '../../support/upstream-sse-server.ts';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function upstreamsWith(bounds: Partial<UpstreamOptions> = {}) {
  const registry = new Registry();
  const upstreams = createUpstreams({
    bounds: { ...loopbackUpstreams, ...bounds },
    registry,
    clockMs: () => performance.now(),
    randomBytes,
  });
  closers.push(() => upstreams.close());
  return { upstreams, registry };
}

async function call(transport: UpstreamTransport, url: URL) {
  const recorder = new UpstreamRecorder();
  transport.open(postTo(url), recorder);
  return { failure: await recorder.end, text: recorder.text };
}

describe('https', () => {
  async function startTls() {
    const server = await startHttpsServer(
      {
        key: testCertificates.serverKey.toString(),
        cert: testCertificates.serverCertificate.toString(),
      },
      (_request, response) => response.end('secret'),
    );
    closers.push(() => server.close());
    return server;
  }

  test('refuses an authority that nobody has said to trust, before anything is sent', async () => {
    const server = await startTls();
    const { failure } = await call(upstreamsWith().upstreams.transport, server.url);
    expect(failure).toMatchObject({ reason: 'upstream_connect_failed', nothingSent: true });
    expect(failure?.detail).toMatch(/UNABLE_TO_|SELF_SIGNED/);
  });

  test('trusts an extra authority, for the names in the certificate alone', async () => {
    const server = await startTls();
    const extraCa = [testCertificates.authority.toString()];
    const { transport } = upstreamsWith({ extraCa }).upstreams;
    expect(await call(transport, server.url)).toEqual({ failure: undefined, text: 'secret' });
    expect(await call(transport, server.url)).toEqual({ failure: undefined, text: 'secret' });
    expect(server.connections()).toBe(1);
    // Loopback too, but not among the names.
    const wrong = new URL(server.url);
    wrong.hostname = '127.0.0.2';
    const other = endpointEntry(wrong, 'endpoint-2');
    const recorder = new UpstreamRecorder();
    transport.open(postTo(wrong, {}, { endpoint: other, server: serverEntry([other]) }), recorder);
    expect(await recorder.end).toMatchObject({ nothingSent: true });
  });

  test('http spoken at an https port fails as a connection', async () => {
    const server = await startHttpServer((_request, response) => response.end());
    closers.push(() => server.close());
    const url = new URL(server.url.href.replace('http:', 'https:'));
    const { failure } = await call(upstreamsWith().upstreams.transport, url);
    expect(failure).toMatchObject({ reason: 'upstream_connect_failed', nothingSent: true });
  });
});

test('counts connects, failures, calls, streams and sessions', async () => {
  const sse = await startSseServer();
  closers.push(() => sse.close());
  const refused = await startHttpServer(() => undefined);
  await refused.close();
  const { upstreams, registry } = upstreamsWith();
  const client = new SseClient(upstreams.transport, sse.url);
  await client.initialize();
  await call(upstreams.transport, refused.url);
  const text = await registry.metrics();
  expect(text).toContain('mcpgw_upstream_connects_total{outcome="ok"} 2');
  expect(text).toContain('mcpgw_upstream_connects_total{outcome="failed"} 1');
  expect(text).toContain('mcpgw_upstream_failures_total{reason="upstream_connect_failed"} 1');
  expect(text).toContain('mcpgw_upstream_open_streams 1');
  expect(text).toContain('mcpgw_upstream_sse_sessions 1');
  await upstreams.close();
  expect(await registry.metrics()).toContain('mcpgw_upstream_sse_sessions 0');
});

test('closing ends what is open on either transport', async () => {
  const sse = await startSseServer();
  closers.push(() => sse.close());
  const { upstreams } = upstreamsWith();
  const client = new SseClient(upstreams.transport, sse.url);
  await client.initialize();
  const { recorder } = client.request(1, 'tools/call');
  await recorder.head;
  await upstreams.close();
  expect(await recorder.end).toMatchObject({ reason: 'upstream_closed' });
});
