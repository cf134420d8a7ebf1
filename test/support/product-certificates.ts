import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { repositoryRoot } from './client-process.ts';

const run = promisify(execFile);

/** Certificates in files, as an operator has them. */
export interface Certificates {
  readonly caFile: string;
  readonly controlPlaneFile: string;
  readonly controlPlaneKeyFile: string;
  /** A node's own, of the same authority. */
  readonly nodeFile: string;
  readonly nodeKeyFile: string;
  remove(): Promise<void>;
}

/** Runs the deployment's own script, and signs a node's certificate with the authority that it made. */
export async function makeCertificates(): Promise<Certificates> {
  const folder = await mkdtemp(path.join(tmpdir(), 'mcpgw-certificates-'));
  const script = path.join(repositoryRoot, 'docs/deployment/make-certificates.sh');
  await run('sh', [script, folder]);
  const openssl = (...args: string[]) => run('openssl', args, { cwd: folder });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await openssl('req', ...key, '-subj', '/CN=node', '-keyout', 'node.key', '-out', 'node.csr');
  const authority = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2'];
  await openssl('x509', '-req', '-in', 'node.csr', ...authority, '-out', 'node.crt');
  const file = (name: string) => path.join(folder, name);
  return {
    caFile: file('ca.crt'),
    controlPlaneFile: file('control-plane.crt'),
    controlPlaneKeyFile: file('control-plane.key'),
    nodeFile: file('node.crt'),
    nodeKeyFile: file('node.key'),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
