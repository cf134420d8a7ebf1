import { once } from 'node:events';
import { request } from 'node:https';
import { expect, test } from '@jest/globals';
import { testCertificates } from '../../support/control-plane-double-certificates.ts';
import { ProxyHarness } from '../../support/proxy-harness.ts';
import { emptyResult, startProxyUpstream } from '../../support/proxy-upstream.ts';

test('serves calls over TLS with the given certificate', async () => {
  const upstream = await startProxyUpstream(emptyResult);
  const tls = {
    cert: testCertificates.serverCertificate.toString(),
    key: testCertificates.serverKey.toString(),
  };
  const node = await new ProxyHarness({ listener: { tls } }).start();
  try {
    const url = node.serve('plain', upstream.url);
    expect(url).toMatch(/^https:/);
    const call = request(url, {
      ca: testCertificates.authority,
      method: 'POST',
      headers: { ...node.headers(), 'content-type': 'application/json' },
      agent: false,
    });
    call.end('{"jsonrpc":"2.0","id":1,"method":"ping"}');
    const [response] = await once(call, 'response');
    expect(response.statusCode).toBe(200);
    response.resume();
    await once(response, 'end');
  } finally {
    await node.close();
    await upstream.close();
  }
});
