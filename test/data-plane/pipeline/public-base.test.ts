import { describe, expect, test } from '@jest/globals';
import { dataPlaneSettings } from '../../../data-plane/config.ts';
import { publicBase } from '../../../data-plane/pipeline/public-base.ts';

describe('the addresses of a node', () => {
  test.each([
    ['https://gateway.example', 'https://gateway.example/acme/files/mcp', ''],
    ['https://Gateway.example:443/', 'https://gateway.example/acme/files/mcp', ''],
    ['http://10.0.0.1:8080', 'http://10.0.0.1:8080/acme/files/mcp', ''],
    ['https://gateway.example/a/b//', 'https://gateway.example/a/b/acme/files/mcp', '/a/b'],
  ])('begin with the public URL %s', (url, resource, prefix) => {
    const base = publicBase(new URL(url), { host: '0.0.0.0', url: 'http://0.0.0.0:1' });
    expect(base?.resourceUrl('acme', 'files')).toBe(resource);
    const { origin } = new URL(url);
    expect(base?.metadataUrl('acme', 'files')).toBe(
      `${origin}/.well-known/oauth-protected-resource${prefix}/acme/files/mcp`,
    );
  });

  test.each([
    ['127.0.0.1', 'http://127.0.0.1:8080'],
    ['::1', 'http://[::1]:8080'],
    ['localhost', 'https://localhost:8080'],
  ])('are where it listens, if that is %s', (host, url) => {
    expect(publicBase(undefined, { host, url })?.resourceUrl('a', 'b')).toBe(`${url}/a/b/mcp`);
  });

  test.each(['0.0.0.0', '::', '10.0.0.1', 'gateway'])('are unknown on %s', (host) => {
    expect(publicBase(undefined, { host, url: `http://${host}:8080` })).toBeUndefined();
  });

  test.each(['https://a.example/?x', 'https://a.example/#x', 'https://u:p@a.example', 'ftp://a.b'])(
    'can’t begin with %s',
    (publicUrl) => {
      expect(dataPlaneSettings.safeParse({ publicUrl }).success).toBe(false);
    },
  );
});
