import { once } from 'node:events';
import { createSecureServer } from 'node:http2';
import { type AddressInfo, connect as connectTcp, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { TlsCredentials } from '../../../data-plane/connection/tls-credentials.ts';
import { testCertificates } from '../../support/control-plane-double-certificates.ts';

const { authority, serverCertificate, serverKey } = testCertificates;
const trusting = { certificateAuthority: authority, certificate: undefined, privateKey: undefined };

describe('the name that a node asks for', () => {
  const server = createSecureServer({ cert: serverCertificate, key: serverKey });
  const sessions = new Set<TLSSocket>();
  let port = 0;

  beforeAll(async () => {
    server.on('secureConnection', (socket: TLSSocket) => sessions.add(socket));
    server.on('sessionError', () => undefined);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  });

  afterAll(async () => {
    for (const socket of sessions) socket.destroy();
    server.close();
    await once(server, 'close');
  });

  /** A connection that is checked for this host, whatever it leads to. */
  async function secured(host: string, serverName?: string): Promise<Socket> {
    const socket = connectTcp(port, '127.0.0.1');
    const credentials = new TlsCredentials({ ...trusting, serverName });
    const connector = credentials._createSecureConnector(
      { scheme: 'dns', path: `${host}:${port}` },
      {},
    );
    try {
      return (await connector.connect(socket)).socket;
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  test.each<[string, string, string | undefined, string | false]>([
    ['an address is none, as TLS has it', '127.0.0.1', undefined, false],
    ['a host is its own', 'localhost', undefined, 'localhost'],
    ['an address can be set', '127.0.0.1', 'control.test', 'control.test'],
  ])('of %s', async (_what, host, serverName, name) => {
    const asked = once(server, 'secureConnection');
    const socket = await secured(host, serverName);
    const [session] = (await asked) as [TLSSocket];
    expect(session.servername).toBe(name);
    socket.destroy();
  });

  test.each(['127.0.0.2', '[::1]', 'elsewhere.test'])(
    'must stand in the certificate: %s does not',
    async (host) => {
      await expect(secured(host)).rejects.toThrow(/does not match certificate/);
    },
  );
});
