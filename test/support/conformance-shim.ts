import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A loopback reverse proxy in front of an authenticated route. */
export interface AuthorizationShim {
  /** `host:port`, which is the Host that clients send and that the route behind must allow. */
  readonly host: string;
  /** URL of `path` at the shim. */
  url(path: string): string;
  /** Where requests go from now on; until then they are answered with 503. */
  forwardTo(target: URL, apiKey: string): void;
  close(): Promise<void>;
}

/**
 * The conformance suites can't send a credential. This shim adds `Authorization: Bearer` and passes
 * everything else on as it came: path, header order and case, Host and Origin above all (so that a
 * forged Host reaches the gateway's own check), bodies in both directions without buffering, and a
 * connection that one side drops.
 */
export async function startAuthorizationShim(): Promise<AuthorizationShim> {
  const agent = new Agent({ keepAlive: true });
  let destination: { target: URL; apiKey: string } | undefined;
  const server = createServer((incoming, outgoing) => {
    if (destination) {
      pass(incoming, outgoing, destination.target, destination.apiKey, agent);
    } else {
      outgoing.writeHead(503).end();
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host,
    url: (path) => `http://${host}${path}`,
    forwardTo: (target, apiKey) => {
      destination = { target, apiKey };
    },
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      agent.destroy();
      await closed;
    },
  };
}

function pass(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  target: URL,
  apiKey: string,
  agent: Agent,
): void {
  const forwarded = request({
    agent,
    hostname: target.hostname,
    port: target.port,
    method: incoming.method,
    path: incoming.url,
    // A flat list of names and values goes out as it is; Node then adds no Host of its own.
    headers: [...incoming.rawHeaders, 'Authorization', `Bearer ${apiKey}`],
  });
  forwarded.on('response', (response) => {
    outgoing.writeHead(response.statusCode ?? 502, response.statusMessage, response.rawHeaders);
    // A stream's client must see the head before the first event.
    outgoing.flushHeaders();
    response.pipe(outgoing);
    response.on('error', () => outgoing.destroy());
  });
  forwarded.on('error', () => outgoing.destroy());
  outgoing.on('close', () => forwarded.destroy());
  incoming.pipe(forwarded);
}
