/** Bounds of the proxy's listener. */
export interface ListenerOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Certificate chain and key in PEM; undefined: plain HTTP. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  /** Names and values of a request's headers together. */
  readonly headerBytesMax: number;
  readonly headersMax: number;
  /** Time until a request's headers are whole. */
  readonly headersTimeoutMs: number;
  /** Time until a request is whole, its body included. */
  readonly requestTimeoutMs: number;
  /** How long an unused connection is kept. */
  readonly keepAliveTimeoutMs: number;
  /** Connections open at the same time; more are refused. */
  readonly connectionsMax: number;
  /** Bytes of an answer that wait for a slow client before its upstream is held back. */
  readonly clientBufferBytes: number;
  /** How long a client may take nothing of the rest of an answer that is whole. */
  readonly stallTimeoutMs: number;
  /** How long what a refused client still sends is read and thrown away, so that it sees the answer. */
  readonly lingerTimeoutMs: number;
  /** Bytes that are thrown away so at most. */
  readonly lingerBytesMax: number;
}

/** Safe on loopback; a node beyond it sets `host` and `tls`. */
export const listenerDefaults: ListenerOptions = {
  host: '127.0.0.1',
  port: 8080,
  tls: undefined,
  headerBytesMax: 16_384,
  headersMax: 100,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  keepAliveTimeoutMs: 60_000,
  connectionsMax: 10_000,
  clientBufferBytes: 16_384,
  stallTimeoutMs: 60_000,
  lingerTimeoutMs: 2_000,
  lingerBytesMax: 33_554_432,
};
