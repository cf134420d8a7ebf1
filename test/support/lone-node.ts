import { hashCredential, newCredential } from '../../common/credential.ts';
import type { Resource } from '../../proto/gen/mcpgw/discovery/v1/Resource.ts';
import { ControlPlaneDouble } from './control-plane-double.ts';
import { NodeDisk } from './control-plane-double-node.ts';
import { apiKey, organization, sealKeyRing, server } from './control-plane-double-resources.ts';
import { eventually } from './control-stream.ts';
import { ProductProcess } from './product-process.ts';

const organizationId = '00000000-0000-4000-8000-000000000001';
const serverId = '00000000-0000-4000-8000-000000000002';
const endpointId = '00000000-0000-4000-8000-000000000003';

/** A real node process in front of one upstream, at `/acme/plain/mcp`, with nothing behind it but a double. */
export class LoneNode {
  /** An API key of the organization. */
  readonly key: string;
  readonly #process: ProductProcess;
  readonly #plane: ControlPlaneDouble;
  readonly #disk: NodeDisk;

  private constructor(
    key: string,
    process: ProductProcess,
    plane: ControlPlaneDouble,
    disk: NodeDisk,
  ) {
    this.key = key;
    this.#process = process;
    this.#plane = plane;
    this.#disk = disk;
  }

  /** @param environment further settings of the node. */
  static async start(
    upstream: URL,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<LoneNode> {
    const plane = await ControlPlaneDouble.start();
    const disk = await NodeDisk.make();
    const key = newCredential('apiKey');
    const endpoint = { id: endpointId, url: upstream.href, weight: 1 };
    void configure(plane, [
      organization(organizationId, { slug: 'acme' }),
      apiKey(key.id, organizationId, {
        secretHash: hashCredential(key.text),
        subject: 'service:1',
        scopes: ['mcp:*'],
      }),
      server(serverId, organizationId, { slug: 'plain', endpoints: [endpoint] }),
      sealKeyRing(),
    ]);
    const node = await ProductProcess.start({
      program: 'data-plane',
      args: ['proxy'],
      environment: {
        MCPGW_DATA_DIR: disk.folder,
        MCPGW_PROXY_PORT: '0',
        MCPGW_NODE_ADMIN_PORT: '0',
        MCPGW_CONTROL_PLANE_ADDRESSES: plane.address,
        MCPGW_NODE_CREDENTIAL_FILE: disk.credentialFile,
        MCPGW_PRIVATE_UPSTREAMS_ALLOWED: 'true',
        ...environment,
      },
    });
    const started = new LoneNode(key.text, node, plane, disk);
    await eventually(
      () => fetch(`${node.addresses['adminUrl']}/readyz`),
      ({ ok }) => ok,
    );
    return started;
  }

  get pid(): number {
    return this.#process.pid;
  }

  get port(): number {
    return Number(new URL(this.#process.addresses['proxyUrl'] ?? '').port);
  }

  async close(): Promise<void> {
    await this.#process.kill9();
    this.#plane.close();
    await this.#disk.remove();
  }
}

async function configure(plane: ControlPlaneDouble, resources: readonly Resource[]): Promise<void> {
  const stream = await plane.nextConfigStream();
  await stream.hello();
  stream.welcome('epoch', { heartbeatIntervalMs: 600_000 });
  stream.range({ from: 0, to: 1, resources });
  await stream.acknowledgment();
}
