import { randomBytes, randomUUID } from 'node:crypto';
import { Registry } from 'prom-client';
import { createLogger, type Logger } from '../../common/logging.ts';
import { TokenIdentifier, type TokenOptions } from '../../data-plane/identity/token-identifier.ts';
import { tokenDefaults } from '../../data-plane/identity/token-options.ts';
import {
  type ListenerOptions,
  listenerDefaults,
} from '../../data-plane/listener/listener-options.ts';
import {
  createProxyListener,
  type ProxyListener,
} from '../../data-plane/listener/proxy-listener.ts';
import { createPipeline, type Pipeline } from '../../data-plane/pipeline/pipeline.ts';
import {
  type PipelineOptions,
  pipelineDefaults,
} from '../../data-plane/pipeline/pipeline-options.ts';
import { PublicBase } from '../../data-plane/pipeline/public-base.ts';
import { DecisionCounts } from '../../data-plane/policy/decision-counts.ts';
import type {
  OrganizationEntry,
  ServerEntry,
  Snapshot,
} from '../../data-plane/snapshot/snapshot.ts';
import type { UpstreamOptions } from '../../data-plane/upstream/upstream-options.ts';
import { createUpstreams, type Upstreams } from '../../data-plane/upstream/upstreams.ts';
import { ProxyRecorder } from './proxy-recorder.ts';
import { ProxySnapshot } from './proxy-snapshot.ts';
import { loopbackUpstreams } from './upstream-bounds.ts';

export interface ProxyHarnessOptions {
  readonly listener?: Partial<ListenerOptions>;
  readonly pipeline?: Partial<PipelineOptions>;
  readonly upstream?: Partial<UpstreamOptions>;
  readonly tokens?: Partial<TokenOptions>;
  /** Silent by default. */
  readonly logger?: Logger;
  /** That of another node; a new one by default. */
  readonly snapshot?: ProxySnapshot;
  /** Wall time, for expiry. */
  readonly nowMs?: () => number;
  /** Age of the node's view; 0 by default. */
  readonly viewAgeMs?: () => number | undefined;
}

/** Listener and pipeline on a free loopback port, over a snapshot in memory: a node without its planes. */
export class ProxyHarness {
  readonly snapshot: ProxySnapshot;
  readonly recorder = new ProxyRecorder();
  readonly decisionCounts = new DecisionCounts();
  readonly organization: OrganizationEntry;
  /** Key of the subject `user:1`. */
  readonly key: string;
  readonly listener: ProxyListener;
  readonly tokens: TokenIdentifier;
  readonly pipeline: Pipeline;
  readonly #upstreams: Upstreams;
  #inForce: Snapshot | undefined;
  baseUrl = '';
  publicBase: PublicBase | undefined;
  port = 0;

  constructor(options: ProxyHarnessOptions = {}) {
    this.snapshot = options.snapshot ?? new ProxySnapshot();
    this.#inForce = this.snapshot;
    this.organization = this.snapshot.organization('acme') ?? this.snapshot.addOrganization('acme');
    this.key = this.snapshot.addKey(this.organization, 'user:1');
    const clockMs = () => performance.now();
    const logger = options.logger ?? createLogger('proxy-harness', 'fatal');
    this.#upstreams = createUpstreams({
      bounds: { ...loopbackUpstreams, ...options.upstream },
      registry: new Registry(),
      clockMs,
      randomBytes,
    });
    this.tokens = new TokenIdentifier({ ...tokenDefaults, ...options.tokens });
    this.pipeline = createPipeline({
      options: { ...pipelineDefaults, ...options.pipeline },
      publicBase: () => this.publicBase,
      snapshots: { current: () => this.#inForce },
      recorder: this.recorder,
      decisionCounts: this.decisionCounts,
      tokens: this.tokens,
      upstreams: this.#upstreams,
      clock: { nowMs: options.nowMs ?? Date.now, monotonicMs: clockMs },
      viewAgeMs: options.viewAgeMs ?? (() => 0),
      newId: randomUUID,
      logger,
    });
    this.listener = createProxyListener({
      options: { ...listenerDefaults, port: 0, ...options.listener },
      pipeline: this.pipeline,
      recorder: this.recorder,
      newId: randomUUID,
      logger,
    });
  }

  async start(): Promise<this> {
    const { port, url } = await this.listener.listen();
    this.port = port;
    this.baseUrl = url;
    this.publicBase = new PublicBase(new URL(url));
    return this;
  }

  /** No snapshot is in force, as before a node's first one. */
  withdrawSnapshot(): void {
    this.#inForce = undefined;
  }

  /** A snapshot of another making, such as one that is built of resources, comes into force. */
  putInForce(snapshot: Snapshot): void {
    this.#inForce = snapshot;
    this.pipeline.recheck();
  }

  /** What was changed in the snapshot comes into force as a new one; calls in progress keep the one before. */
  publish(): void {
    this.#inForce = Object.create(this.snapshot) as Snapshot;
    this.pipeline.recheck();
  }

  /** MCP URL of a new server in front of these endpoints. */
  serve(slug: string, url: URL | string, fields: Partial<ServerEntry> = {}): string {
    this.snapshot.addServer(this.organization, slug, [new URL(url)], fields);
    return `${this.baseUrl}/acme/${slug}/mcp`;
  }

  /** A call with the harness's key. */
  post(url: string, message: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(url, {
      method: 'POST',
      headers: { ...this.headers(), 'content-type': 'application/json', ...headers },
      body: typeof message === 'string' ? message : JSON.stringify(message),
    });
  }

  headers(): Record<string, string> {
    return {
      authorization: `Bearer ${this.key}`,
      accept: 'application/json, text/event-stream',
    };
  }

  async close(): Promise<void> {
    await this.listener.close();
    await this.#upstreams.close();
  }
}
