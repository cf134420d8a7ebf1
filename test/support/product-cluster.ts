import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startReference, type UpstreamProcess } from './client-upstreams.ts';
import { eventually } from './control-stream.ts';
import { createTestDatabase, type TestDatabase } from './postgres.ts';
import { Admin, type AgentKey, type RegisteredServer } from './product-admin.ts';
import { type AgentRoute, AgentSession } from './product-agent.ts';
import { NodePart, ReplicaPart } from './product-part.ts';
import { restartablePort } from './product-ports.ts';

export interface ClusterOptions {
  /** `embedded`: the control plane brings its own PostgreSQL, as a small installation does; default: the test server's. */
  readonly database?: 'embedded' | 'server';
  /** Default 1. */
  readonly replicas?: number;
  /** Default 1. */
  readonly nodes?: number;
  readonly replicaEnvironment?: Readonly<Record<string, string>>;
  readonly nodeEnvironment?: Readonly<Record<string, string>>;
}

/** An organization with a key and the reference upstream as its server `reference`. */
export interface ServedOrganization {
  readonly organization: { readonly id: string; version: number };
  readonly key: AgentKey;
  readonly server: RegisteredServer;
  /** The way to the server over a node, by default the first, with a key, by default the organization's. */
  route(node?: number, apiKey?: string): AgentRoute;
}

/** 32 bytes of 7, as `testMasterKey`. */
const masterKeyText = Buffer.alloc(32, 7).toString('base64');

const adminEmail = 'admin@example.com';

/**
 * The whole product as real processes: replicas of the control plane on one database, nodes that know all
 * replicas, and the reference upstream. Each process keeps its ports and data when it comes back.
 */
export class ProductCluster {
  readonly replicas: readonly ReplicaPart[];
  readonly nodes: readonly NodePart[];
  readonly admin: Admin;
  /** Undefined with an embedded PostgreSQL. */
  readonly database: TestDatabase | undefined;
  /** MCP URL of the reference upstream. */
  readonly upstreamUrl: string;
  readonly #cleanup: AsyncDisposableStack;

  private constructor(
    parts: Pick<ProductCluster, 'replicas' | 'nodes' | 'admin' | 'database' | 'upstreamUrl'>,
    cleanup: AsyncDisposableStack,
  ) {
    this.replicas = parts.replicas;
    this.nodes = parts.nodes;
    this.admin = parts.admin;
    this.database = parts.database;
    this.upstreamUrl = parts.upstreamUrl;
    this.#cleanup = cleanup;
  }

  static async start(options: ClusterOptions = {}): Promise<ProductCluster> {
    const cleanup = new AsyncDisposableStack();
    try {
      const folder = await mkdtemp(path.join(tmpdir(), 'mcpgw-cluster-'));
      cleanup.defer(() => rm(folder, { recursive: true, force: true }));
      const upstream: UpstreamProcess = await startReference();
      cleanup.defer(() => upstream.stop());
      const database = options.database === 'embedded' ? undefined : await createTestDatabase();
      cleanup.defer(async () => database?.drop());
      const { replicas, grpcAddresses, password } = await startReplicas(
        folder,
        options,
        database,
        cleanup,
      );
      const [first] = replicas;
      if (first === undefined) throw new Error('A cluster has at least one replica.');
      const admin = await Admin.logIn(first.graphqlUrl, adminEmail, password);
      const nodes = await startNodes(folder, options, admin, grpcAddresses, cleanup);
      const parts = { replicas, nodes, admin, database, upstreamUrl: upstream.url };
      return new ProductCluster(parts, cleanup);
    } catch (error) {
      await cleanup.disposeAsync();
      throw error;
    }
  }

  replica(index = 0): ReplicaPart {
    return at(this.replicas, index);
  }

  node(index = 0): NodePart {
    return at(this.nodes, index);
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
    return this.#cleanup.disposeAsync();
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

async function startReplicas(
  folder: string,
  options: ClusterOptions,
  database: TestDatabase | undefined,
  cleanup: AsyncDisposableStack,
): Promise<{ replicas: ReplicaPart[]; grpcAddresses: string[]; password: string }> {
  const passwordFile = path.join(folder, 'admin-password');
  const masterKeyFile = path.join(folder, 'master.key');
  const password = randomBytes(18).toString('base64url');
  await writeFile(passwordFile, password, { mode: 0o600 });
  await writeFile(masterKeyFile, masterKeyText, { mode: 0o600 });
  const replicas: ReplicaPart[] = [];
  const grpcAddresses: string[] = [];
  for (let index = 0; index < (options.replicas ?? 1); index += 1) {
    const grpcPort = await restartablePort();
    const replica = new ReplicaPart({
      program: 'control-plane',
      // The first migrates and does the jobs, as one process of an installation does.
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
        ...options.replicaEnvironment,
      },
    });
    cleanup.defer(async () => void (await replica.stop()));
    await replica.start();
    replicas.push(replica);
    grpcAddresses.push(`127.0.0.1:${grpcPort}`);
  }
  return { replicas, grpcAddresses, password };
}

async function startNodes(
  folder: string,
  options: ClusterOptions,
  admin: Admin,
  grpcAddresses: readonly string[],
  cleanup: AsyncDisposableStack,
): Promise<NodePart[]> {
  const nodes: NodePart[] = [];
  for (let index = 0; index < (options.nodes ?? 1); index += 1) {
    const name = `node-${index}`;
    const credentialFile = path.join(folder, `${name}.token`);
    await writeFile(credentialFile, await admin.createNodeToken(name), { mode: 0o600 });
    const node = new NodePart(name, {
      program: 'data-plane',
      args: ['proxy'],
      environment: {
        MCPGW_DATA_DIR: path.join(folder, name),
        MCPGW_PROXY_PORT: `${await restartablePort()}`,
        MCPGW_NODE_ADMIN_PORT: `${await restartablePort()}`,
        MCPGW_CONTROL_PLANE_ADDRESSES: grpcAddresses.join(','),
        MCPGW_NODE_CREDENTIAL_FILE: credentialFile,
        ...options.nodeEnvironment,
      },
    });
    cleanup.defer(async () => void (await node.stop()));
    await node.start();
    nodes.push(node);
  }
  return nodes;
}
