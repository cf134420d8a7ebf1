import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { banner } from './banner.ts';
import { ensureDemoOrganization } from './demo-organization.ts';
import { startDemoServers } from './demo-servers.ts';
import { takenPorts } from './free-ports.ts';
import { ManagedProcess } from './managed-process.ts';
import { type QuickstartFile, readQuickstartFile, writeQuickstartFile } from './quickstart-file.ts';
import { secretFromFile } from './secret-file.ts';
import { waitUntilServed } from './wait-until-served.ts';

const adminEmail = 'admin@example.com';
const readyTimeoutMs = 60_000;

function say(text: string): void {
  process.stdout.write(`▸ ${text}\n`);
}

function entry(plane: 'control-plane' | 'data-plane'): string {
  return fileURLToPath(new URL(`../${plane}/main.js`, import.meta.url));
}

/** Resolves when the process is asked to end: by Ctrl-C, a signal, or the death of what started it. */
function askedToEnd(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => resolve(signal));
    }
  });
}

function wantedPorts(env: NodeJS.ProcessEnv) {
  const port = (variable: string, fallback: number, what: string) => ({
    what,
    variable,
    port: Number(env[variable] || fallback),
  });
  return [
    port('MCPGW_GRAPHQL_PORT', 4000, 'GraphQL'),
    port('MCPGW_GRPC_PORT', 4001, 'gRPC for nodes'),
    port('MCPGW_PROXY_PORT', 8080, 'MCP for agents'),
    port('MCPGW_NODE_ADMIN_PORT', 8081, 'node admin'),
  ];
}

/** A port that was announced, to be taken again by the next start of the same process. */
function portOf(address: string | undefined): string | undefined {
  return address?.split(':').at(-1);
}

function startControlPlane(dataDir: string): Promise<ManagedProcess> {
  return ManagedProcess.start({
    name: 'control-plane',
    invocation: (earlier) => ({
      args: [entry('control-plane'), 'all'],
      env: {
        ...process.env,
        MCPGW_DATA_DIR: dataDir,
        MCPGW_BOOTSTRAP_OPERATOR_EMAIL: adminEmail,
        MCPGW_BOOTSTRAP_OPERATOR_PASSWORD_FILE: path.join(dataDir, 'admin-password'),
        ...(earlier && {
          MCPGW_GRAPHQL_PORT: portOf(earlier['graphqlOrigin']),
          MCPGW_GRPC_PORT: portOf(earlier['grpcAddress']),
        }),
      },
    }),
    logDirectory: path.join(dataDir, 'logs'),
    readyTimeoutMs,
    onEnded: say,
  });
}

function startNode(
  dataDir: string,
  credentialFile: string,
  grpcAddress: string,
): Promise<ManagedProcess> {
  return ManagedProcess.start({
    name: 'node',
    invocation: (earlier) => ({
      args: [entry('data-plane'), 'proxy'],
      env: {
        ...process.env,
        MCPGW_DATA_DIR: path.dirname(credentialFile),
        MCPGW_CONTROL_PLANE_ADDRESSES: grpcAddress,
        MCPGW_NODE_CREDENTIAL_FILE: credentialFile,
        ...(earlier && {
          MCPGW_PROXY_PORT: portOf(earlier['proxyUrl']),
          MCPGW_NODE_ADMIN_PORT: portOf(earlier['adminUrl']),
        }),
      },
    }),
    logDirectory: path.join(dataDir, 'logs'),
    readyTimeoutMs,
    onEnded: say,
  });
}

/** Starts one part after the other; what has started stands in `running`, in the order of the start. */
async function start(dataDir: string, running: ManagedProcess[]): Promise<QuickstartFile> {
  const adminPassword = secretFromFile(path.join(dataDir, 'admin-password'));
  const credentialFile = path.join(dataDir, 'node', 'credential');
  mkdirSync(path.dirname(credentialFile), { recursive: true, mode: 0o700 });

  say('starting the control plane: PostgreSQL, migrations, GraphQL, gRPC');
  const controlPlane = await startControlPlane(dataDir);
  running.push(controlPlane);

  say('starting two MCP servers: server-everything and server-filesystem');
  const servers = await startDemoServers(dataDir, say);
  running.push(...servers.map((server) => server.process));

  say('setting up the demo organization');
  const { graphqlUrl = '', grpcAddress = '' } = controlPlane.addresses;
  const demo = await ensureDemoOrganization({
    graphqlUrl,
    adminEmail,
    adminPassword,
    servers,
    credentialFile,
    earlierApiKey: readQuickstartFile(dataDir).apiKey,
  });

  say('starting a proxy node');
  const node = await startNode(dataDir, credentialFile, grpcAddress);
  running.push(node);

  const { proxyUrl = '', adminUrl = '' } = node.addresses;
  const content: QuickstartFile = {
    graphqlUrl,
    grpcAddress,
    proxyUrl,
    nodeAdminUrl: adminUrl,
    organization: demo.organization,
    adminEmail,
    adminPassword,
    apiKey: demo.apiKey,
    servers: Object.fromEntries(
      servers.map(({ slug }) => [slug, `${proxyUrl}/${demo.organization}/${slug}/mcp`]),
    ),
  };
  await waitUntilServed(Object.values(content.servers), demo.apiKey);
  return content;
}

/**
 * The quickstart: control plane with embedded PostgreSQL, real MCP servers, a demo organization and one
 * proxy node. Runs until it is asked to end.
 * @returns the exit status.
 */
export async function runQuickstart(): Promise<number> {
  const startedAtMs = performance.now();
  const end = askedToEnd();
  const taken = await takenPorts(wantedPorts(process.env));
  if (taken.length > 0) {
    process.stderr.write(taken.map((line) => `✗ ${line}\n`).join(''));
    return 1;
  }
  const dataDir = path.resolve(process.env['MCPGW_DATA_DIR'] || '.data');
  // Passable, so that PostgreSQL's own user reaches its files below; each secret has its own mode.
  mkdirSync(dataDir, { recursive: true, mode: 0o711 });
  const running: ManagedProcess[] = [];
  let status = 0;
  try {
    const started = await Promise.race([start(dataDir, running), end]);
    if (typeof started !== 'string') {
      const file = writeQuickstartFile(dataDir, started);
      process.stdout.write(banner(started, file, performance.now() - startedAtMs));
      const failures = running.map(async (child) => {
        throw new Error(await child.failed);
      });
      await Promise.race([end, ...failures]);
    }
  } catch (error) {
    process.stderr.write(`✗ ${error instanceof Error ? error.message : String(error)}\n`);
    status = 1;
  }
  say('ending in order: node, MCP servers, control plane');
  for (const child of running.reverse()) await child.stop();
  return status;
}
