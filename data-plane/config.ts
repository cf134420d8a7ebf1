import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import {
  count,
  filePath,
  grpcAddress,
  list,
  listenHost,
  logLevel,
  milliseconds,
  port,
} from '../common/setting-types.ts';
import { loadSettings } from '../common/settings.ts';
import { proxyBounds, tokenBounds, upstreamBounds } from './bounds.ts';

const megabyte = 1024 * 1024;

/** Everything that can be set for a proxy node; docs/deployment/settings.md lists it. */
export const dataPlaneSettings = z.object({
  logLevel: logLevel.default('info').describe('Least severity that is logged.'),
  dataDir: filePath
    .default('.data')
    .describe('Folder of the spool and the cached snapshot; one for each node.'),
  publicUrl: z
    .url({ protocol: /^https?$/ })
    .refine((text) => !/[?#@]/.test(text), 'must have no query, fragment or user name')
    .optional()
    .describe(
      'URL at which agents reach the node: access tokens are for addresses under it, and its host is allowed. Not set: where the node listens, if on loopback.',
    ),

  proxyHost: listenHost.describe('Address that agents connect to.'),
  proxyPort: port.default(8080).describe('Port that agents connect to.'),
  proxyCertificateFile: filePath
    .optional()
    .describe('Certificate chain in PEM; set, agents connect by https.'),
  proxyKeyFile: filePath.optional().describe('Private key of the certificate.'),
  allowedHosts: list(z.string().min(1))
    .default([])
    .describe('Further values of the Host header that are this node’s own.'),
  allowedOrigins: list(z.url())
    .default([])
    .describe('Browser origins that may call, besides each organization’s own.'),

  nodeAdminHost: listenHost.describe('Address of health, metrics and config dump.'),
  nodeAdminPort: port.default(8081).describe('Port of health, metrics and config dump.'),

  controlPlaneAddresses: list(grpcAddress)
    .default(['127.0.0.1:4001'])
    .describe('host:port of the control plane’s replicas, tried in turn.'),
  controlPlaneCaFile: filePath
    .optional()
    .describe('Authority of the control plane’s certificate. Beyond loopback, TLS is required.'),
  nodeCertificateFile: filePath
    .optional()
    .describe('The node’s certificate, where the control plane asks for one.'),
  nodeKeyFile: filePath.optional().describe('Private key of the node’s certificate.'),
  controlPlaneServerName: z
    .string()
    .optional()
    .describe('Name that the control plane’s certificate must be for, if not the address’s host.'),
  nodeCredentialFile: filePath
    .optional()
    .describe('File with the node token. Not set: `credential` in the data folder.'),

  spoolBytesMax: count(megabyte, 1024 * 1024 * megabyte)
    .default(256 * megabyte)
    .describe('Largest spool of records that the control plane has not acknowledged.'),
  spoolSyncIntervalMs: milliseconds(1, 10_000)
    .default(20)
    .describe('A record is on disk after this time and that of one fsync.'),

  ...proxyBounds,
  ...tokenBounds,
  ...upstreamBounds,
  upstreamCaFile: filePath
    .optional()
    .describe('Further authorities, in PEM, that upstream certificates may come from.'),
  privateUpstreamsAllowed: z
    .boolean()
    .default(false)
    .describe('Whether the node connects to private, loopback and other special addresses.'),

  drainTimeoutMs: milliseconds(0, 600_000)
    .default(10_000)
    .describe('How long calls in flight may take to end at shutdown.'),
});

export type DataPlaneConfig = z.output<typeof dataPlaneSettings>;

/**
 * Reads a node's settings; the only place of the plane that reads the environment.
 * @throws {SettingsError} naming every unknown or bad key.
 */
export function loadDataPlaneConfig(env: NodeJS.ProcessEnv): DataPlaneConfig {
  return loadSettings(dataPlaneSettings, {
    section: 'dataPlane',
    env,
    directory: fileURLToPath(new URL('../configs', import.meta.url)),
    requires: {
      proxyCertificateFile: 'proxyKeyFile',
      proxyKeyFile: 'proxyCertificateFile',
      nodeCertificateFile: 'nodeKeyFile',
      nodeKeyFile: 'nodeCertificateFile',
    },
  });
}
