import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import {
  filePath,
  list,
  listenHost,
  logLevel,
  milliseconds,
  port,
} from '../common/setting-types.ts';
import { loadSettings } from '../common/settings.ts';
import { graphqlBounds, loginBounds, organizationBounds } from './bounds.ts';
import { definitionsRefreshIntervalMsDefault } from './definitions/refresh-server.ts';
import { issuerRefreshIntervalMsDefault } from './identity/issuers/refresh-issuer.ts';
import { keySettings } from './key-settings.ts';

/** Everything that can be set for the control plane; docs/deployment/settings.md lists it. */
export const controlPlaneSettings = z.object({
  logLevel: logLevel.default('info').describe('Least severity that is logged.'),
  dataDir: filePath
    .default('.data')
    .describe('Folder of the embedded PostgreSQL and, unless set, of the master key.'),

  databaseUrl: z
    .url({ protocol: /^postgres(ql)?$/ })
    .optional()
    .describe('PostgreSQL as the owner role. Not set: an embedded PostgreSQL is started.'),
  databaseAppUrl: z
    .url({ protocol: /^postgres(ql)?$/ })
    .optional()
    .describe('The app role, where it is not to be made from the owner. Set both or none.'),
  databaseSystemUrl: z
    .url({ protocol: /^postgres(ql)?$/ })
    .optional()
    .describe('The system role. Set both or none.'),
  masterKeyFile: filePath
    .optional()
    .describe('32 random bytes in base64, mode 0600. Not set: made in the data folder.'),
  previousMasterKeyFiles: list(filePath)
    .default([])
    .describe(
      'Master keys that open and don’t seal: those before and after the current one, while they are exchanged.',
    ),

  graphqlHost: listenHost.describe('Address that GraphQL listens on.'),
  graphqlPort: port.default(4000).describe('Port of GraphQL, health and metrics.'),
  graphqlIntrospection: z.boolean().default(true).describe('Whether clients may read the schema.'),
  graphqlAutomaticPersistedQueries: z
    .boolean()
    .default(false)
    .describe(
      'Whether clients may send the hash of a document that they have sent before, instead of the document.',
    ),
  graphqlPersistedQueryManifest: filePath
    .optional()
    .describe(
      'A manifest in Apollo’s format. Set, the operations that it lists run, and no others; it is read at start.',
    ),
  ...graphqlBounds,

  graphqlAllowedOrigins: list(z.url())
    .default([])
    .describe('Origins of browser pages, besides the API’s own, that may open WebSockets.'),
  trustedProxies: list(z.string().min(1))
    .default([])
    .describe('Addresses or networks of proxies whose X-Forwarded-For counts.'),
  publicUrl: z
    .url({ protocol: /^https?$/ })
    .refine((text) => !/[?#@]/.test(text), 'must have no query, fragment or user name')
    .optional()
    .describe(
      'URL at which agents reach the nodes, the same as theirs: access tokens that the gateway gives for the proxy are for addresses under it.',
    ),
  tokenIssuer: z
    .string()
    .min(1)
    .default('mcp-gateway')
    .describe('`iss` of access tokens: names this installation, the same on every replica.'),
  ...loginBounds,
  ...organizationBounds,
  privateUpstreamsAllowed: z
    .boolean()
    .default(false)
    .describe('Whether MCP servers may have private, loopback and other special addresses.'),
  upstreamCaFile: filePath
    .optional()
    .describe('Further authorities, in PEM, that certificates of MCP servers may come from.'),
  definitionsRefreshIntervalMs: milliseconds(10_000, 7 * 86_400_000)
    .default(definitionsRefreshIntervalMsDefault)
    .describe(
      'How often an MCP server is asked which tools, resources and prompts it offers, give or take a tenth.',
    ),
  privateIssuersAllowed: z
    .boolean()
    .default(false)
    .describe('Whether issuers of tokens may have private, loopback and other special addresses.'),
  issuerRefreshIntervalMs: milliseconds(10_000, 86_400_000)
    .default(issuerRefreshIntervalMsDefault)
    .describe('How often the keys of an issuer are looked at: a new one is known after so long.'),

  grpcHost: listenHost.describe('Address that nodes connect to.'),
  grpcPort: port.default(4001).describe('Port that nodes connect to.'),
  grpcCertificateFile: filePath
    .optional()
    .describe('Certificate chain in PEM. Required beyond loopback.'),
  grpcKeyFile: filePath.optional().describe('Private key of the certificate.'),
  grpcClientCaFile: filePath
    .optional()
    .describe('Authority of the nodes’ certificates; set, every node must present one.'),

  bootstrapOperatorEmail: z
    .email()
    .optional()
    .describe('Makes this person an operator at start, unless there is such an account.'),
  bootstrapOperatorPasswordFile: filePath.optional().describe('File with that person’s password.'),

  ...keySettings,

  drainTimeoutMs: milliseconds(0, 600_000)
    .default(10_000)
    .describe('How long requests in work may take to end at shutdown.'),
});

export type ControlPlaneConfig = z.output<typeof controlPlaneSettings>;

/**
 * Reads the control plane's settings; the only place of the plane that reads the environment.
 * @throws {SettingsError} naming every unknown or bad key.
 */
export function loadControlPlaneConfig(env: NodeJS.ProcessEnv): ControlPlaneConfig {
  return loadSettings(controlPlaneSettings, {
    section: 'controlPlane',
    env,
    directory: fileURLToPath(new URL('../configs', import.meta.url)),
    requires: {
      databaseAppUrl: 'databaseSystemUrl',
      databaseSystemUrl: 'databaseAppUrl',
      grpcCertificateFile: 'grpcKeyFile',
      grpcKeyFile: 'grpcCertificateFile',
      grpcClientCaFile: 'grpcCertificateFile',
      bootstrapOperatorEmail: 'bootstrapOperatorPasswordFile',
      bootstrapOperatorPasswordFile: 'bootstrapOperatorEmail',
    },
  });
}
