import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, isIP } from 'node:net';
import type { Registry } from 'prom-client';
import type { Logger } from '../../common/logging.ts';
import { configDump } from './config-dump.ts';
import { takeCpuProfile } from './cpu-profile.ts';
import { defineNodeMetrics, type NodeMetricsSources } from './node-metrics.ts';

export interface AdminServerOptions extends NodeMetricsSources {
  /** Address to listen on; nothing here asks for a credential, so loopback unless a network is trusted. */
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Names besides `localhost` and addresses that a Host header may have, such as a scraper's. */
  readonly allowedHosts: readonly string[];
  /** Where everyone's metrics are; those of discovery, spool and snapshot are added to it. */
  readonly registry: Registry;
  readonly build: string;
  /** Whether the node takes no new calls because it is shutting down. */
  readonly isDraining: () => boolean;
  readonly logger: Logger;
}

interface Reply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

type Handler = (query: URLSearchParams, gone: AbortSignal) => Reply | Promise<Reply>;

const connectionsMax = 64;
const profileSecondsMax = 30;

function json(status: number, value: object): Reply {
  const body = `${JSON.stringify(value, null, 2)}\n`;
  return { status, contentType: 'application/json', body };
}

/** Where a browser can be led by a name that someone else resolves, only addresses and known names are taken. */
function isAllowedHost(header: string | undefined, allowedHosts: readonly string[]): boolean {
  if (header === undefined || !URL.canParse(`http://${header}`)) return false;
  const { hostname } = new URL(`http://${header}`);
  if (hostname === 'localhost' || allowedHosts.includes(hostname)) return true;
  return isIP(hostname.replace(/^\[|\]$/g, '')) !== 0;
}

/** The node's own HTTP server for probes, scrapers and operators. */
export class AdminServer {
  readonly #options: AdminServerOptions;
  readonly #server: Server;
  readonly #handlers: ReadonlyMap<string, Handler>;
  #isProfiling = false;

  constructor(options: AdminServerOptions) {
    this.#options = options;
    defineNodeMetrics(options.registry, options);
    this.#handlers = new Map<string, Handler>([
      ['/healthz', () => json(200, { status: 'alive' })],
      ['/readyz', () => this.#readiness()],
      ['/metrics', () => this.#metrics()],
      ['/config_dump', (query) => this.#configDump(query)],
      ['/debug/profile', (query, gone) => this.#profile(query, gone)],
    ]);
    this.#server = createServer((request, response) => void this.#answer(request, response));
    this.#server.maxConnections = connectionsMax;
  }

  /**
   * Listens; resolves with the address.
   * @throws when the port is taken.
   */
  async start(): Promise<AddressInfo> {
    this.#server.listen(this.#options.port, this.#options.host);
    await once(this.#server, 'listening');
    return this.#server.address() as AddressInfo;
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const { status, contentType, body } = await this.#reply(request, gone.signal);
    response.writeHead(status, {
      'content-type': contentType,
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...(status === 405 ? { allow: 'GET, HEAD' } : {}),
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  }

  async #reply(request: IncomingMessage, gone: AbortSignal): Promise<Reply> {
    const { method, url = '/', headers } = request;
    if (!isAllowedHost(headers.host, this.#options.allowedHosts)) {
      return json(403, { error: 'The Host header names no address of this node.' });
    }
    const [path = '', query = ''] = url.split('?', 2);
    const handler = this.#handlers.get(path);
    if (handler === undefined) {
      return json(404, { error: 'There is no such page.', pages: [...this.#handlers.keys()] });
    }
    if (method !== 'GET' && method !== 'HEAD')
      return json(405, { error: 'Only GET is served here.' });
    try {
      return await handler(new URLSearchParams(query), gone);
    } catch (error) {
      this.#options.logger.error({ path, err: error }, 'an admin page failed');
      return json(500, { error: 'The page failed; the log says why.' });
    }
  }

  #readiness(): Reply {
    const { configClient, isDraining, snapshots } = this.#options;
    const snapshot = snapshots.current();
    const reasons = [
      ...(snapshot === undefined ? ['no_configuration'] : []),
      ...(isDraining() ? ['draining'] : []),
    ];
    const { connection, stalenessMs, fromCache } = configClient.status();
    return json(reasons.length === 0 ? 200 : 503, {
      ready: reasons.length === 0,
      reasons,
      epoch: snapshot?.epoch ?? null,
      revision: snapshot?.revision ?? null,
      connection,
      stalenessMs: stalenessMs ?? null,
      fromCache,
    });
  }

  async #metrics(): Promise<Reply> {
    const { registry } = this.#options;
    return { status: 200, contentType: registry.contentType, body: await registry.metrics() };
  }

  #configDump(query: URLSearchParams): Reply {
    const { build, configClient, snapshots } = this.#options;
    const dump = configDump({
      build,
      state: configClient.state(),
      status: configClient.status(),
      inForce: snapshots.current(),
      listedType: query.get('type') ?? undefined,
    });
    return json(200, dump);
  }

  async #profile(query: URLSearchParams, gone: AbortSignal): Promise<Reply> {
    const seconds = Number(query.get('seconds') ?? '5');
    if (!(seconds > 0 && seconds <= profileSecondsMax)) {
      return json(400, { error: `seconds must be above 0 and at most ${profileSecondsMax}.` });
    }
    if (this.#isProfiling) return json(409, { error: 'A profile is being taken.' });
    this.#isProfiling = true;
    try {
      const profile = await takeCpuProfile(seconds * 1000, gone);
      return { status: 200, contentType: 'application/json', body: JSON.stringify(profile) };
    } finally {
      this.#isProfiling = false;
    }
  }
}

/** Makes the node's admin server, and adds the node's metrics to the registry; `start` listens. */
export function createAdminServer(options: AdminServerOptions): AdminServer {
  return new AdminServer(options);
}
