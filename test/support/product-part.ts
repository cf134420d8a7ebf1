import { eventually } from './control-stream.ts';
import { type ProductCommand, ProductProcess } from './product-process.ts';

/** A process of a cluster that can go and come back: the same settings, ports and data. */
class ProductPart {
  readonly #command: ProductCommand;
  #process: ProductProcess | undefined;

  constructor(command: ProductCommand) {
    this.#command = command;
  }

  /** Resolves once it serves. */
  async start(): Promise<void> {
    this.#process = await ProductProcess.start(this.#command);
  }

  async kill9(): Promise<void> {
    await this.#process?.kill9();
  }

  /** Resolves with its status when it has ended by itself. */
  async ended(): Promise<number | null> {
    return (await this.#process?.ended()) ?? null;
  }

  /** In order, unless it is down. @throws when it doesn't end with status 0. */
  async stop(): Promise<void> {
    await this.#process?.stop();
  }

  async kill9AndRestart(): Promise<void> {
    await this.kill9();
    await this.start();
  }

  get output(): string {
    return this.#process?.output ?? '';
  }

  protected address(name: string): string {
    const address = this.#process?.addresses[name];
    if (address === undefined) throw new Error(`There is no ${name}: the process isn't running.`);
    return address;
  }
}

/** A replica of the control plane. */
export class ReplicaPart extends ProductPart {
  /** `host:port` for nodes, also while it is down. */
  readonly grpcAddress: string;

  constructor(grpcAddress: string, command: ProductCommand) {
    super(command);
    this.grpcAddress = grpcAddress;
  }

  get graphqlUrl(): string {
    return this.address('graphqlUrl');
  }

  get origin(): string {
    return this.address('graphqlOrigin');
  }

  /** Subscriptions that it holds. */
  async subscriptions(): Promise<number> {
    return metric(`${this.origin}/metrics`, 'mcpgw_graphql_subscriptions');
  }
}

/** What a node's `/readyz` says. */
export interface NodeReadiness {
  readonly ready: boolean;
  readonly revision: number | null;
  readonly connection: string;
  readonly fromCache: boolean;
}

/** What a node's `/config_dump` says of its stream. */
export interface NodeDiscovery {
  readonly connection: string;
  readonly lastError: string;
  readonly cachedRevision?: number;
}

/** A proxy node. */
export class NodePart extends ProductPart {
  /** Its name in GraphQL. */
  readonly name: string;

  constructor(name: string, command: ProductCommand) {
    super(command);
    this.name = name;
  }

  /** MCP URL of a server. */
  url(organization: string, server: string): string {
    return `${this.address('proxyUrl')}/${organization}/${server}/mcp`;
  }

  async readiness(): Promise<NodeReadiness> {
    const response = await fetch(`${this.address('adminUrl')}/readyz`);
    return (await response.json()) as NodeReadiness;
  }

  async metric(name: string): Promise<number> {
    return metric(`${this.address('adminUrl')}/metrics`, name);
  }

  /** How its stream to the control plane stands. */
  async discovery(): Promise<NodeDiscovery> {
    const dump = await fetch(`${this.address('adminUrl')}/config_dump`);
    const { discovery } = (await dump.json()) as { discovery: NodeDiscovery };
    return discovery;
  }

  async untilConnected(): Promise<void> {
    await eventually(
      () => this.readiness(),
      ({ connection }) => connection === 'connected',
      20_000,
    );
  }

  /** Resolves once the disk cache holds what is in force, so that a restart can't be behind it. */
  async untilCached(): Promise<void> {
    await eventually(
      async () => {
        const [{ revision }, { cachedRevision }] = await Promise.all([
          this.readiness(),
          this.discovery(),
        ]);
        return { revision, cachedRevision };
      },
      ({ revision, cachedRevision }) => cachedRevision === revision,
    );
  }

  /** Resolves once the control plane has acknowledged every record. */
  async untilReported(): Promise<void> {
    await eventually(
      async () => ({
        connected: await this.metric('mcpgw_reporter_connected'),
        waiting: await this.metric('mcpgw_spool_waiting_events'),
      }),
      ({ connected, waiting }) => connected === 1 && waiting === 0,
      20_000,
    );
  }
}

async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(url)).text();
  const value = text.match(new RegExp(`^${name} (.+)$`, 'm'))?.[1];
  if (value === undefined) throw new Error(`There is no metric ${name}.`);
  return Number(value);
}
