import { isIP, type Socket } from 'node:net';
import { connect, createSecureContext, type SecureContext } from 'node:tls';
import { CallCredentials, ChannelCredentials } from '@grpc/grpc-js';

/** How the two ends of a TLS connection prove themselves, in PEM. */
export interface TlsIdentity {
  /** Authorities that the peer's certificate may come from; undefined: the system's. */
  readonly certificateAuthority: Buffer | undefined;
  /** Our own certificate, for mutual TLS. */
  readonly certificate: Buffer | undefined;
  readonly privateKey: Buffer | undefined;
  /** Name that the peer's certificate must be for; undefined: the address's host. */
  readonly serverName: string | undefined;
}

type SecureConnector = ReturnType<ChannelCredentials['_createSecureConnector']>;
type Target = Parameters<ChannelCredentials['_createSecureConnector']>[0];

function hostOf(target: Target): string {
  return /^\[?(.*?)\]?(?::\d+)?$/.exec(target.path)?.[1] ?? target.path;
}

/**
 * TLS for gRPC channels. Unlike gRPC's own it names no server when that is an IP address, which TLS does not
 * allow (RFC 6066, 3); the certificate is checked for the address all the same.
 */
export class TlsCredentials extends ChannelCredentials {
  readonly #context: SecureContext;
  readonly #serverName: string | undefined;

  /** @throws on a certificate, key or authority that can't be read. */
  constructor({ certificateAuthority, certificate, privateKey, serverName }: TlsIdentity) {
    super();
    this.#context = createSecureContext({
      ...(certificateAuthority && { ca: certificateAuthority }),
      ...(certificate && { cert: certificate }),
      ...(privateKey && { key: privateKey }),
    });
    this.#serverName = serverName;
  }

  _isSecure(): boolean {
    return true;
  }

  _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  _createSecureConnector(
    target: Target,
    _options: object,
    callCredentials: CallCredentials = CallCredentials.createEmpty(),
  ): SecureConnector {
    const host = this.#serverName ?? hostOf(target);
    return {
      connect: (socket) => this.#connect(socket, host),
      waitForReady: () => Promise.resolve(),
      getCallCredentials: () => callCredentials,
      destroy: () => undefined,
    };
  }

  #connect(socket: Socket, host: string): Promise<{ socket: Socket; secure: boolean }> {
    return new Promise((resolve, reject) => {
      const secured = connect(
        {
          socket,
          host,
          ...(isIP(host) === 0 && { servername: host }),
          secureContext: this.#context,
          ALPNProtocols: ['h2'],
          rejectUnauthorized: true,
        },
        () => resolve({ socket: secured, secure: true }),
      );
      secured.on('error', reject);
    });
  }
}
