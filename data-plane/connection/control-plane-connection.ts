import { isIPv4 } from 'node:net';
import { type ChannelOptions, credentials, Metadata } from '@grpc/grpc-js';
import { grpcMessageBytesMax } from '../../common/contracts.ts';
import { TlsCredentials, type TlsIdentity } from './tls-credentials.ts';

export interface ControlPlaneConnectionOptions {
  /** `host:port` of each replica; they are tried in turn. */
  readonly addresses: readonly string[];
  /** Undefined: plaintext, which only loopback addresses may have. */
  readonly tls: TlsIdentity | undefined;
}

const keepaliveTimeMs = 10_000;
const keepaliveTimeoutMs = 5_000;

function hostOf(address: string): string {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(address);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined) throw new Error(`"${address}" is no host:port of a control plane.`);
  return host;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

/**
 * The ways to the control plane's replicas. Tokens and secrets pass there, so that plaintext is refused
 * beyond loopback.
 */
export class ControlPlaneConnection {
  readonly addresses: readonly string[];
  readonly credentials: ReturnType<typeof credentials.createInsecure>;
  readonly channelOptions: ChannelOptions;

  /** @throws on an address that is none, or one beyond loopback without TLS. */
  constructor({ addresses, tls }: ControlPlaneConnectionOptions) {
    if (addresses.length === 0) throw new Error('No address of a control plane is set.');
    for (const address of addresses) {
      if (tls === undefined && !isLoopback(hostOf(address))) {
        throw new Error(`The control plane at ${address} is beyond loopback and needs TLS.`);
      }
    }
    this.addresses = addresses;
    this.credentials = tls === undefined ? credentials.createInsecure() : new TlsCredentials(tls);
    this.channelOptions = {
      'grpc.max_receive_message_length': grpcMessageBytesMax,
      'grpc.max_send_message_length': grpcMessageBytesMax,
      'grpc.keepalive_time_ms': keepaliveTimeMs,
      'grpc.keepalive_timeout_ms': keepaliveTimeoutMs,
      'grpc.enable_retries': 0,
      // The shared pool keeps its own, much longer waits between attempts.
      'grpc.use_local_subchannel_pool': 1,
      ...(tls === undefined ? { 'grpc.enable_http_proxy': 0 } : {}),
      ...(tls?.serverName === undefined ? {} : { 'grpc.default_authority': tls.serverName }),
    };
  }

  /** Address of the nth attempt. */
  address(attempt: number): string {
    return this.addresses[attempt % this.addresses.length] ?? '';
  }
}

/** What a node's token looks like in a call's metadata. */
export function tokenMetadata(token: string): Metadata {
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  return metadata;
}
