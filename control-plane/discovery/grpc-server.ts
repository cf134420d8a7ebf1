import { isIP } from 'node:net';
import {
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { grpcMessageBytesMax } from '../../common/contracts.ts';

/** TLS of the gRPC port, in PEM. */
export interface GrpcTlsOptions {
  readonly certificate: Buffer;
  readonly privateKey: Buffer;
  /** Who must have signed a node's certificate; undefined: nodes show none. */
  readonly clientCertificateAuthority?: Buffer;
}

export interface GrpcServerOptions {
  /** Address to bind; beyond loopback TLS is required. */
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly tls?: GrpcTlsOptions;
  readonly services: readonly {
    readonly definition: ServiceDefinition;
    readonly handlers: UntypedServiceImplementation;
  }[];
  /** How often an idle connection is asked whether it lives; default 10,000. */
  readonly keepaliveIntervalMs?: number;
  /** How long the answer may take; default 5,000. */
  readonly keepaliveTimeoutMs?: number;
  /** Streams of one connection at once; default 16. */
  readonly streamsPerConnectionMax?: number;
}

/** The gRPC port, bound. */
export interface GrpcServer {
  /** `host:port`, as nodes connect to it. */
  readonly address: string;
  readonly port: number;
  /** Stops accepting, waits a moment for calls to end, then cuts them off. */
  close(): Promise<void>;
}

const closeTimeoutMs = 2000;

/** Whether only this machine can reach the address. */
export function isLoopback(host: string): boolean {
  const address = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  if (address === 'localhost' || address === '::1') return true;
  return isIP(address) === 4 && address.startsWith('127.');
}

function credentials(options: GrpcServerOptions): ServerCredentials {
  const { tls } = options;
  if (tls) {
    const authority = tls.clientCertificateAuthority;
    return ServerCredentials.createSsl(
      authority ?? null,
      [{ private_key: tls.privateKey, cert_chain: tls.certificate }],
      authority !== undefined,
    );
  }
  if (!isLoopback(options.host)) {
    throw new Error(
      `gRPC on ${options.host} needs TLS: node tokens and secrets travel on it. Set a certificate and a key, or bind 127.0.0.1.`,
    );
  }
  return ServerCredentials.createInsecure();
}

/** grpc-js tells of the system's error only in its text; here it is as other listeners give it. */
function bindFailure(error: Error, { host, port }: GrpcServerOptions): Error {
  const code = /\b(EADDRINUSE|EACCES|EADDRNOTAVAIL)\b/.exec(error.message)?.[1];
  return code === undefined ? error : Object.assign(error, { code, address: host, port });
}

/**
 * Binds the port that nodes connect to, with every service on it.
 * @throws when the address can't be bound, or lies beyond loopback without TLS.
 */
export async function createGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const secured = credentials(options);
  const server = new Server({
    'grpc.max_receive_message_length': grpcMessageBytesMax,
    'grpc.max_send_message_length': grpcMessageBytesMax,
    'grpc.keepalive_time_ms': options.keepaliveIntervalMs ?? 10_000,
    'grpc.keepalive_timeout_ms': options.keepaliveTimeoutMs ?? 5000,
    'grpc.max_concurrent_streams': options.streamsPerConnectionMax ?? 16,
  });
  for (const { definition, handlers } of options.services) server.addService(definition, handlers);
  const host =
    options.host.includes(':') && !options.host.startsWith('[')
      ? `[${options.host}]`
      : options.host;
  const bound = Promise.withResolvers<number>();
  server.bindAsync(`${host}:${options.port}`, secured, (error, port) => {
    if (error) bound.reject(bindFailure(error, options));
    else bound.resolve(port);
  });
  const port = await bound.promise;
  return {
    address: `${host}:${port}`,
    port,
    close: async () => {
      const closed = Promise.withResolvers<void>();
      const cut = setTimeout(() => server.forceShutdown(), closeTimeoutMs);
      server.tryShutdown(() => closed.resolve());
      await closed.promise;
      clearTimeout(cut);
    },
  };
}
