import type { lookup } from 'node:dns';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import {
  createGuardedFetch,
  type GuardedFetch,
  type GuardedFetchOptions,
} from '../../../../control-plane/identity/issuers/guarded-fetch.ts';

const open: { close(): unknown }[] = [];

afterEach(async () => {
  for (const part of open.splice(0)) await part.close();
});

async function serve(listener: RequestListener): Promise<string> {
  const server: Server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push({
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function guarded(options: Partial<GuardedFetchOptions> = {}): GuardedFetch {
  const made = createGuardedFetch({ rules: { privateAddressesAllowed: true }, ...options });
  open.push(made);
  return made;
}

describe('a guarded fetch', () => {
  test('answers with status, headers and text', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200, { etag: '"1"' }).end('{}');
    });
    const reply = await guarded().fetch(url);
    expect([reply.status, reply.headers.get('etag'), reply.text]).toEqual([200, '"1"', '{}']);
  });

  test('follows no redirect', async () => {
    let reached = 0;
    const target = await serve((_request, response) => {
      reached += 1;
      response.end();
    });
    const url = await serve((_request, response) => {
      response.writeHead(302, { location: target }).end();
    });
    await expect(guarded().fetch(url)).rejects.toThrow('it redirects elsewhere');
    expect(reached).toBe(0);
  });

  test('takes no answer that is too large, with or without a length', async () => {
    const url = await serve((request, response) => {
      if (request.url === '/length') response.writeHead(200, { 'content-length': '2000' });
      response.write('x'.repeat(1000));
      response.end('x'.repeat(1000));
    });
    const small = guarded({ bytesMax: 1500 });
    for (const path of ['/', '/length']) {
      await expect(small.fetch(`${url}${path}`)).rejects.toThrow('its answer is too large');
    }
  });

  test('waits for no slow answer, neither its head nor its body', async () => {
    const url = await serve((request, response) => {
      if (request.url === '/body') {
        const drip = setInterval(() => response.write('x'), 20);
        response.on('close', () => clearInterval(drip));
      }
    });
    const hasty = guarded({ timeoutMs: 200 });
    for (const path of ['/head', '/body']) {
      await expect(hasty.fetch(`${url}${path}`)).rejects.toThrow('it took too long to answer');
    }
  });

  test.each([
    'https://127.0.0.1/',
    'https://[::1]/',
    'https://[::ffff:169.254.169.254]/',
    'https://169.254.169.254/latest',
    'https://10.0.0.1/',
    'https://localhost/',
    'https://metadata.google.internal/',
    'https://2130706433/',
  ])('%s is not called', async (url) => {
    const strict = guarded({ rules: { privateAddressesAllowed: false } });
    await expect(strict.fetch(url)).rejects.toThrow('its address is not allowed here');
  });

  test('a name that resolves to a private address is not called', async () => {
    const resolve = ((
      _name: string,
      _options: object,
      done: (error: null, found: object[]) => void,
    ) => done(null, [{ address: '127.0.0.1', family: 4 }])) as unknown as typeof lookup;
    const strict = guarded({ rules: { privateAddressesAllowed: false }, resolve });
    await expect(strict.fetch('https://idp.example.com/')).rejects.toThrow(
      'its address is not allowed here',
    );
  });

  test.each([
    'http://idp.example.com/',
    'ftp://127.0.0.1/',
    'file:///etc/passwd',
    'https://a:b@c/',
  ])('%s is no URL to call', async (url) => {
    await expect(guarded().fetch(url)).rejects.toThrow('its URL is not allowed here');
  });
});
