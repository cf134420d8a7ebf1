/** An MCP server that a test wants behind the gateway. */
interface ServedUpstream {
  readonly slug: string;
  readonly url: string;
}

/** Where a client reaches an upstream: the upstream itself, or its route through the gateway. */
export interface ClientRoute {
  readonly url: string;
  /** Sent as a bearer token; undefined: the route asks for none. */
  readonly apiKey: string | undefined;
  /** Sent besides, such as what a browser would add. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A gateway that tests talk to as clients do, whatever it is made of. */
export interface GatewayUnderTest {
  /** Puts a server behind the gateway; resolves once a call can reach it. */
  serve(upstream: ServedUpstream): Promise<{ url: string; apiKey: string }>;
  close(): Promise<void>;
}

export interface GatewayUnderTestOptions {
  /** `host:port` values, besides the gateway's own, that the Host header may have. */
  readonly allowedHosts: readonly string[];
}

export type StartGateway = (options: GatewayUnderTestOptions) => Promise<GatewayUnderTest>;
