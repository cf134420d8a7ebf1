import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { WantedPort } from './free-ports.ts';
import type { ManagedProcessOptions } from './managed-process.ts';
import { secretFromFile } from './secret-file.ts';

/** Where a quickstart keeps its things, and who administers it. */
export interface QuickstartPlace {
  readonly dataDir: string;
  readonly adminEmail: string;
  readonly adminPassword: string;
  readonly adminPasswordFile: string;
  /** The node's token. Its folder is the node's data folder. */
  readonly credentialFile: string;
  /** Port of the node for agents, picked before anything starts: both planes have to know the public URL. */
  readonly proxyPort: number;
}

type Part = Pick<ManagedProcessOptions, 'name' | 'invocation'>;

const masterKeyBytes = 32;

function entry(plane: 'control-plane' | 'data-plane'): string {
  return fileURLToPath(new URL(`../${plane}/main.js`, import.meta.url));
}

/** The ports that a quickstart needs, with the settings that move them. */
export function wantedPorts(env: NodeJS.ProcessEnv): WantedPort[] {
  const port = (variable: string, fallback: number, what: string): WantedPort => ({
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

/** What agents call: access tokens are for this URL, to the letter. */
function publicUrl(place: QuickstartPlace): string {
  return process.env['MCPGW_PUBLIC_URL'] || `http://127.0.0.1:${place.proxyPort}`;
}

/** A port that was announced, to be taken again by the next start of the same process. */
function portOf(address: string | undefined): string | undefined {
  return address?.split(':').at(-1);
}

/** A PostgreSQL of one's own needs a master key that is named; the quickstart keeps it where it keeps all. */
function masterKeyFile(dataDir: string): string | undefined {
  const { MCPGW_DATABASE_URL: databaseUrl, MCPGW_MASTER_KEY_FILE: named } = process.env;
  if (!databaseUrl || named) return named;
  const file = path.join(dataDir, 'master.key');
  secretFromFile(file, masterKeyBytes);
  return file;
}

/** The control plane with everything in one process. */
export function controlPlanePart(place: QuickstartPlace): Part {
  const keyFile = masterKeyFile(place.dataDir);
  return {
    name: 'control-plane',
    invocation: (earlier) => ({
      args: [entry('control-plane'), 'all'],
      env: {
        ...process.env,
        MCPGW_DATA_DIR: place.dataDir,
        MCPGW_PUBLIC_URL: publicUrl(place),
        ...(keyFile !== undefined && { MCPGW_MASTER_KEY_FILE: keyFile }),
        MCPGW_BOOTSTRAP_OPERATOR_EMAIL: place.adminEmail,
        MCPGW_BOOTSTRAP_OPERATOR_PASSWORD_FILE: place.adminPasswordFile,
        ...(earlier && {
          MCPGW_GRAPHQL_PORT: portOf(earlier['graphqlOrigin']),
          MCPGW_GRPC_PORT: portOf(earlier['grpcAddress']),
        }),
      },
    }),
  };
}

/** A proxy node that follows the control plane at `grpcAddress`. */
export function nodePart(place: QuickstartPlace, grpcAddress: string): Part {
  return {
    name: 'node',
    invocation: (earlier) => ({
      args: [entry('data-plane'), 'proxy'],
      env: {
        ...process.env,
        MCPGW_DATA_DIR: path.dirname(place.credentialFile),
        MCPGW_CONTROL_PLANE_ADDRESSES: grpcAddress,
        MCPGW_NODE_CREDENTIAL_FILE: place.credentialFile,
        MCPGW_PUBLIC_URL: publicUrl(place),
        MCPGW_PROXY_PORT: String(place.proxyPort),
        ...(earlier && { MCPGW_NODE_ADMIN_PORT: portOf(earlier['adminUrl']) }),
      },
    }),
  };
}
