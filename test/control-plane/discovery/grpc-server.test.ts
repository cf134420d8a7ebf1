import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js';
import { describe, expect, test } from '@jest/globals';
import { createGrpcServer, isLoopback } from '../../../control-plane/discovery/grpc-server.ts';
import { testCertificates } from '../../support/control-plane-double-certificates.ts';

describe('the gRPC port', () => {
  test.each([
    ['127.0.0.1', true],
    ['127.8.9.10', true],
    ['localhost', true],
    ['::1', true],
    ['[::1]', true],
    ['0.0.0.0', false],
    ['::', false],
    ['192.0.2.1', false],
    ['127.0.0.1.example.com', false],
  ])('%s is reachable from this machine alone: %s', (host, expected) => {
    expect(isLoopback(host)).toBe(expected);
  });

  test('refuses plaintext beyond loopback and says what to do', async () => {
    await expect(createGrpcServer({ host: '0.0.0.0', port: 0, services: [] })).rejects.toThrow(
      'needs TLS',
    );
  });

  test('a taken port is an error', async () => {
    const { serverCertificate, serverKey } = testCertificates;
    const tls = { certificate: serverCertificate, privateKey: serverKey };
    const server = await createGrpcServer({ host: '127.0.0.1', port: 0, tls, services: [] });
    expect(server.address).toBe(`127.0.0.1:${server.port}`);
    // The library tells the console what it throws besides.
    setLogVerbosity(logVerbosity.NONE);
    try {
      const again = createGrpcServer({ host: '127.0.0.1', port: server.port, services: [] });
      await expect(again).rejects.toMatchObject({ code: 'EADDRINUSE', port: server.port });
    } finally {
      setLogVerbosity(logVerbosity.ERROR);
      await server.close();
    }
  });
});
