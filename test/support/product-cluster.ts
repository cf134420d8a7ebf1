import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startReference } from './client-upstreams.ts';
import { eventually } from './control-stream.ts';
import { createTestDatabase, type TestDatabase } from './postgres.ts';
import { Admin, type AgentKey, type RegisteredServer } from './product-admin.ts';
import { type AgentRoute, AgentSession } from './product-agent.ts';
import { NodePart, ReplicaPart } from './product-part.ts';
import { restartablePort } from './product-ports.ts';

type Environment = Readonly<Record<string, string>>;

export interface ClusterOptions {
  /** `embedded`: the control plane brings its own PostgreSQL, as a small installation does; default: the test server's. */
  readonly database?: 'embedded' | 'server';
  /** Default 1. */
  readonly replicas?: number;
  /** Default 1. */
  readonly nodes?: number;
  /** Settings of every replica. */
  readonly replicaEnvironment?: Environment;
  /** Settings of every node. */
  readonly nodeEnvironment?: Environment;
}

/** An organization with a key and the reference upstream as its server `reference`. */
export interface ServedOrganization {
  readonly organization: { readonly id: string; version: number };
  readonly key: AgentKey;
  readonly server: RegisteredServer;
  /** The way to the server over a node, by default the first, with a key, by default the organization's. */
  route(node?: number, apiKey?: string): AgentRoute;
}

/** What all processes of a cluster share. */
interface ClusterGround {
  readonly folder: string;
  readonly database: TestDatabase | undefined;
  readonly password: string;
  readonly passwordFile: string;
  readonly masterKeyFile: string;
  readonly upstreamUrl: string;
  readonly cleanup: AsyncDisposableStack;
}

/** 32 bytes of 7, as `testMasterKey`. */
const masterKeyText = Buffer.alloc(32, 7).toString('base64');

const adminEmail = 'admin@example.com';

async function prepare(
  options: ClusterOptions,
  cleanup: AsyncDisposableStack,
): Promise<ClusterGround> {
  const folder = await mkdtemp(path.join(tmpdir(), 'mcpgw-cluster-'));
  cleanup.defer(() => rm(folder, { recursive: true, force: true }));
  // Passable, so that an embedded PostgreSQL's own user reaches its files below.
  await chmod(folder, 0o711);
  const upstream = await startReference();
  cleanup.defer(() => upstream.stop());
  const database = options.database === 'embedded' ? undefined : await createTestDatabase();
  cleanup.defer(async () => database?.drop());
  const password = randomBytes(18).toString('base64url');
  const passwordFile = path.join(folder, 'admin-password');
  const masterKeyFile = path.join(folder, 'master.key');
  await writeFile(passwordFile, password, { mode: 0o600 });
  await writeFile(masterKeyFile, masterKeyText, { mode: 0o600 });
  const upstreamUrl = upstream.url;
  return { folder, database, password, passwordFile, masterKeyFile, upstreamUrl, cleanup };
}

/**
 * The whole product as real processes: replicas of the control plane on one database, nodes that know all
 * replicas, and the reference upstream. Each process keeps its ports and data when it comes back.
 */
export class ProductCluster {
  readonly replicas: ReplicaPart[] = [];
  readonly nodes: NodePart[] = [];
  readonly #ground: ClusterGround;
  readonly #options: ClusterOptions;
  #admin: Admin | undefined;

  private constructor(ground: ClusterGround, options: ClusterOptions) {
    this.#ground = ground;
    this.#options = options;
  }

  static async start(options: ClusterOptions = {}): Promise<ProductCluster> {
    const cleanup = new AsyncDisposableStack();
    try {
      const cluster = new ProductCluster(await prepare(options, cleanup), options);
      for (let index = 0; index < (options.replicas ?? 1); index += 1) await cluster.addReplica();
      for (let index = 0; index < (options.nodes ?? 1); index += 1) await cluster.addNode();
      return cluster;
    } catch (error) {
      await cleanup.disposeAsync();
      throw error;
    }
  }

  /** The operator, on the first replica. */
  get admin(): Admin {
    if (this.#admin === undefined) throw new Error('The first replica is not there yet.');
    return this.#admin;
  }

  /** Undefined with an embedded PostgreSQL. */
  get database(): TestDatabase | undefined {
    return this.#ground.database;
  }

  /** Where its processes keep their data and find their secrets. */
  get folder(): string {
    return this.#ground.folder;
  }

  /** The operator's. */
  get password(): string {
    return this.#ground.password;
  }

  /** MCP URL of the reference upstream. */
  get upstreamUrl(): string {
    return this.#ground.upstreamUrl;
  }

  replica(index = 0): ReplicaPart {
    return at(this.replicas, index);
  }

  node(index = 0): NodePart {
    return at(this.nodes, index);
  }

  /** Starts one more replica. The first migrates and does the jobs, as one process of an installation does. */
  async addReplica(environment: Environment = {}): Promise<ReplicaPart> {
    const { folder, database, password, passwordFile, masterKeyFile, cleanup } = this.#ground;
    const index = this.replicas.length;
    const grpcPort = await restartablePort();
    const replica = new ReplicaPart(`127.0.0.1:${grpcPort}`, {
      program: 'control-plane',
      args: [index === 0 ? 'all' : 'api'],
      environment: {
        MCPGW_DATA_DIR: path.join(folder, `control-plane-${index}`),
        MCPGW_GRAPHQL_PORT: `${await restartablePort()}`,
        MCPGW_GRPC_PORT: `${grpcPort}`,
        MCPGW_BOOTSTRAP_OPERATOR_EMAIL: adminEmail,
        MCPGW_BOOTSTRAP_OPERATOR_PASSWORD_FILE: passwordFile,
        ...(database && {
          MCPGW_DATABASE_URL: database.ownerUrl,
          MCPGW_MASTER_KEY_FILE: masterKeyFile,
        }),
        ...this.#options.replicaEnvironment,
        ...environment,
      },
    });
    cleanup.defer(() => replica.stop());
    await replica.start();
    this.replicas.push(replica);
    this.#admin ??= await Admin.logIn(replica.graphqlUrl, adminEmail, password);
    return replica;
  }

  /** Starts one more node, by default one that knows every replica so far. */
  async addNode(
    environment: Environment = {},
    replicas: readonly ReplicaPart[] = this.replicas,
  ): Promise<NodePart> {
    const { folder, cleanup } = this.#ground;
    const name = `node-${this.nodes.length}`;
    const credentialFile = path.join(folder, `${name}.token`);
    await writeFile(credentialFile, await this.admin.createNodeToken(name), { mode: 0o600 });
    const node = new NodePart(name, {
      program: 'data-plane',
      args: ['proxy'],
      environment: {
        MCPGW_DATA_DIR: path.join(folder, name),
        MCPGW_PROXY_PORT: `${await restartablePort()}`,
        MCPGW_NODE_ADMIN_PORT: `${await restartablePort()}`,
        MCPGW_CONTROL_PLANE_ADDRESSES: replicas.map(({ grpcAddress }) => grpcAddress).join(','),
        MCPGW_NODE_CREDENTIAL_FILE: credentialFile,
        ...this.#options.nodeEnvironment,
        ...environment,
      },
    });
    cleanup.defer(() => node.stop());
    await node.start();
    this.nodes.push(node);
    return node;
  }

  /** Kills the PostgreSQL that the first replica brought along. */
  async killEmbeddedPostgres(): Promise<void> {
    const { folder } = this.#ground;
    const pidFile = path.join(folder, 'control-plane-0', 'postgres', 'data', 'postmaster.pid');
    // Its first line is the process's id (PostgreSQL, "Shutting Down the Server").
    const [pid] = (await readFile(pidFile, 'utf8')).split('\n');
    process.kill(Number(pid), 'SIGKILL');
  }

  /** Puts the reference upstream behind every node, for an agent of a new organization. */
  async serve(slug: string, mustAudit = false): Promise<ServedOrganization> {
    const organization = await this.admin.createOrganization(slug, mustAudit);
    const key = await this.admin.createKey(organization.id);
    const server = await this.admin.createServer(organization.id, 'reference', this.upstreamUrl);
    const route = (node = 0, apiKey = key.text) => ({
      url: this.node(node).url(slug, 'reference'),
      apiKey,
    });
    for (const index of this.nodes.keys()) await untilServed(route(index));
    return { organization, key, server, route };
  }

  close(): Promise<void> {
    return this.#ground.cleanup.disposeAsync();
  }
}

/** Waits until a node knows the key and the server. */
export async function untilServed(route: AgentRoute): Promise<void> {
  await eventually(
    async () => {
      const session = await AgentSession.begin(route).catch(() => undefined);
      await session?.close();
      return session !== undefined;
    },
    (isServed) => isServed,
  );
}

function at<Part>(parts: readonly Part[], index: number): Part {
  const part = parts[index];
  if (part === undefined) throw new Error(`The cluster has ${parts.length} of these.`);
  return part;
}
