import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { newCredential } from '../../common/credential.ts';
import { createLogger } from '../../common/logging.ts';
import {
  type NodeCredential,
  openNodeCredential,
} from '../../data-plane/connection/node-credential.ts';
import {
  type ConfigClient,
  type ConfigClientOptions,
  createConfigClient,
} from '../../data-plane/discovery/config-client.ts';
import { machineClock } from '../../data-plane/discovery/witnessed-time.ts';
import { openSpool, type Spool } from '../../data-plane/events/spool.ts';
import type { SpoolOptions } from '../../data-plane/events/spool-options.ts';
import type { Snapshot } from '../../data-plane/snapshot/snapshot.ts';
import { SnapshotHolder } from '../../data-plane/snapshot/snapshot-holder.ts';

export const quiet = createLogger('test', 'silent');

/** Everything of a node that stays when its process ends: its folder and its token. */
export class NodeDisk {
  readonly folder: string;
  readonly credentialFile: string;

  private constructor(folder: string) {
    this.folder = folder;
    this.credentialFile = path.join(folder, 'token');
  }

  static async make(): Promise<NodeDisk> {
    const disk = new NodeDisk(await mkdtemp(path.join(os.tmpdir(), 'mcpgw-node-')));
    await disk.writeToken(newCredential('nodeToken').text);
    return disk;
  }

  get cacheFile(): string {
    return path.join(this.folder, 'snapshot.cache');
  }

  get freshnessFile(): string {
    return path.join(this.folder, 'snapshot.current');
  }

  get spoolFolder(): string {
    return path.join(this.folder, 'spool');
  }

  writeToken(token: string): Promise<void> {
    return writeFile(this.credentialFile, `${token}\n`, { mode: 0o600 });
  }

  credential(): Promise<NodeCredential> {
    return openNodeCredential({ file: this.credentialFile, pollIntervalMs: 20, logger: quiet });
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}

/** One process of a node, as far as discovery goes. */
export interface TestNode {
  readonly client: ConfigClient;
  readonly holder: SnapshotHolder;
  readonly credential: NodeCredential;
  /** Resolves with the first snapshot that `accept` takes, the current one included. */
  snapshot(accept: (snapshot: Snapshot) => boolean): Promise<Snapshot>;
  close(): Promise<void>;
}

/** A node that follows the control planes at `addresses`; `start` isn't called yet. */
export async function testNode(
  disk: NodeDisk,
  addresses: readonly string[],
  more: Partial<ConfigClientOptions> = {},
): Promise<TestNode> {
  const holder = new SnapshotHolder();
  const credential = await disk.credential();
  const client = createConfigClient({
    connection: { addresses, tls: undefined },
    credential,
    holder,
    cacheFile: disk.cacheFile,
    cacheWriteIntervalMs: 0,
    cacheBytesMax: 64 * 1024 * 1024,
    freshnessFile: disk.freshnessFile,
    freshnessIntervalMs: 20,
    machineClock: machineClock(),
    instanceId: 'instance-1',
    build: '1.0.0',
    advertisedUrl: '',
    startWaitMs: 2000,
    welcomeTimeoutMs: 5000,
    heartbeatsMissedMax: 3,
    reconnectFirstMs: 10,
    reconnectMaxMs: 50,
    refusedRetryMs: 60_000,
    rangeBytesMax: 64 * 1024 * 1024,
    logger: quiet,
    now: () => performance.now(),
    random: Math.random,
    ...more,
  });
  return {
    client,
    holder,
    credential,
    snapshot: (accept) => {
      const { promise, resolve } = Promise.withResolvers<Snapshot>();
      const offer = (snapshot: Snapshot | undefined): void => {
        if (snapshot !== undefined && accept(snapshot)) resolve(snapshot);
      };
      holder.onChange(offer);
      offer(holder.current());
      return promise;
    },
    close: async () => {
      await client.close();
      credential.close();
    },
  };
}

/** A spool with small bounds. */
export function testSpool(folder: string, more: Partial<SpoolOptions> = {}): Promise<Spool> {
  return openSpool({
    folder,
    segmentBytesMax: 256 * 1024,
    spoolBytesMax: 16 * 1024 * 1024,
    refusalBytesMax: 1024 * 1024,
    mustAuditReserveBytes: 64 * 1024,
    syncIntervalMs: 5,
    refusalFlushIntervalMs: 60_000,
    refusalBlocksMax: 100,
    logger: quiet,
    now: Date.now,
    ...more,
  });
}

/** Polls until `holds`, for what has no event to wait for. */
export async function eventually(holds: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`${what} did not come about`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
