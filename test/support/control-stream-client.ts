import { type ClientDuplexStream, credentials, Metadata } from '@grpc/grpc-js';
import { contracts, grpcMessageBytesMax } from '../../common/contracts.ts';
import { ResourceDigest } from '../../common/resource-digest.ts';
import { resourceTypes } from '../../common/resource-types.ts';
import type { ControlMessage } from '../../proto/gen/mcpgw/discovery/v1/ControlMessage.ts';
import type { Heartbeat } from '../../proto/gen/mcpgw/discovery/v1/Heartbeat.ts';
import type { HelloInput } from '../../proto/gen/mcpgw/discovery/v1/Hello.ts';
import type { NodeMessageInput } from '../../proto/gen/mcpgw/discovery/v1/NodeMessage.ts';
import type { RangeChunk } from '../../proto/gen/mcpgw/discovery/v1/RangeChunk.ts';
import type { RejectedResourceInput } from '../../proto/gen/mcpgw/discovery/v1/RejectedResource.ts';
import type { Resource } from '../../proto/gen/mcpgw/discovery/v1/Resource.ts';
import type { Welcome } from '../../proto/gen/mcpgw/discovery/v1/Welcome.ts';

/** What a scripted node holds: it survives its streams, as a node's memory does. */
export interface NodeMemory {
  epoch: string;
  revision: number;
  readonly held: Map<string, Resource>;
}

export function emptyMemory(): NodeMemory {
  return { epoch: '', revision: 0, held: new Map() };
}

export interface ScriptedNodeOptions {
  readonly address: string;
  readonly token: string;
  readonly memory?: NodeMemory;
  readonly hello?: HelloInput;
  /** Which resources of a range the node refuses. */
  readonly reject?: (
    resource: Resource,
  ) => Omit<RejectedResourceInput, 'type' | 'name' | 'version'> | undefined;
  /** False: ranges are collected, and never acknowledged. */
  readonly acknowledge?: boolean;
  /** False: hello is left to the test. */
  readonly sayHello?: boolean;
  /** Cuts the stream when this chunk of a range has come. */
  readonly cutAtChunk?: number;
}

/** How a stream ended. */
export interface StreamStatus {
  readonly code: number;
  readonly details: string;
}

/** A node that follows the protocol to the letter, except where its test says otherwise. */
export class ScriptedNode {
  readonly memory: NodeMemory;
  readonly welcomes: Welcome[] = [];
  readonly heartbeats: Heartbeat[] = [];
  /** Every chunk, in order of arrival. */
  readonly chunks: RangeChunk[] = [];
  /** Commits applied: revision and what it carried. */
  readonly ranges: {
    from: number;
    to: number;
    resources: Resource[];
    removed: string[];
    atMs: number;
  }[] = [];
  readonly versionListRequests: string[][] = [];
  /** Types whose digests did not come out as the commit said. */
  readonly mismatches: string[] = [];
  readonly ended: Promise<StreamStatus>;
  readonly #options: ScriptedNodeOptions;
  readonly #client: InstanceType<typeof contracts.discovery.ConfigDiscovery>;
  readonly #call: ClientDuplexStream<NodeMessageInput, ControlMessage>;
  readonly #watchers = new Set<() => void>();
  #range: RangeChunk[] = [];
  #status: StreamStatus | undefined;

  constructor(options: ScriptedNodeOptions) {
    this.#options = options;
    this.memory = options.memory ?? emptyMemory();
    this.#client = new contracts.discovery.ConfigDiscovery(
      options.address,
      credentials.createInsecure(),
      {
        'grpc.max_receive_message_length': grpcMessageBytesMax,
        'grpc.max_send_message_length': grpcMessageBytesMax,
        // Each node has a connection of its own, as nodes do.
        'grpc.use_local_subchannel_pool': 1,
      },
    );
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${options.token}`);
    this.#call = this.#client.StreamConfig(metadata);
    const ended = Promise.withResolvers<StreamStatus>();
    this.ended = ended.promise;
    this.#call.on('error', () => undefined);
    this.#call.on('status', ({ code, details }: StreamStatus) => {
      this.#status = { code, details };
      ended.resolve(this.#status);
      this.#client.close();
      this.#changed();
    });
    this.#call.on('data', (message: ControlMessage) => this.#receive(message));
    if (options.sayHello !== false) this.send({ hello: this.hello() });
  }

  hello(): HelloInput {
    const { epoch, revision, held } = this.memory;
    const digests = new Map<string, ResourceDigest>();
    for (const { type, name, version } of held.values()) {
      const digest = digests.get(type) ?? new ResourceDigest();
      digest.add(name, version);
      digests.set(type, digest);
    }
    return {
      instanceId: 'instance-1',
      build: 'build-1',
      types: [...resourceTypes],
      epoch,
      revision,
      digests: [...digests].map(([type, digest]) => ({
        type,
        digest: digest.bytes(),
        count: digest.count,
      })),
      advertisedUrl: 'http://127.0.0.1:8080',
      ...this.#options.hello,
    };
  }

  send(message: NodeMessageInput): void {
    this.#call.write(message);
  }

  /** Stops reading from the connection. */
  pause(): void {
    this.#call.pause();
  }

  resume(): void {
    this.#call.resume();
  }

  /** Resolves once the condition holds. @throws when the stream ends first or time is up. */
  async until(what: string, condition: () => boolean, timeoutMs = 10_000): Promise<void> {
    if (condition()) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = () => {
      if (condition()) resolve();
      else if (this.#status) {
        const { code, details } = this.#status;
        reject(new Error(`The stream ended before ${what}: ${code} ${details}`));
      }
    };
    const timer = setTimeout(
      () => reject(new Error(`Not within ${timeoutMs} ms: ${what}`)),
      timeoutMs,
    );
    this.#watchers.add(look);
    try {
      look();
      await promise;
    } finally {
      clearTimeout(timer);
      this.#watchers.delete(look);
    }
  }

  /** Resolves once the node holds `revision`. */
  async holds(revision: number): Promise<void> {
    await this.until(`revision ${revision}`, () => this.memory.revision >= revision);
  }

  /** Names of what it holds of a type. */
  names(type: string): string[] {
    return [...this.memory.held.values()]
      .filter((resource) => resource.type === type)
      .map(({ name }) => name)
      .sort();
  }

  get(type: string, name: string): Resource | undefined {
    return this.memory.held.get(`${type}/${name}`);
  }

  /** Ends the stream from the node's side, abruptly. */
  async close(): Promise<void> {
    this.#call.cancel();
    await this.ended;
  }

  #receive(message: ControlMessage): void {
    if (message.welcome) this.welcomes.push(message.welcome);
    if (message.heartbeat) this.heartbeats.push(message.heartbeat);
    if (message.versionListRequest) this.#listVersions(message.versionListRequest.types);
    if (message.rangeChunk) this.#chunk(message.rangeChunk);
    this.#changed();
  }

  #listVersions(types: string[]): void {
    this.versionListRequests.push(types);
    for (const type of types) {
      const resources = [...this.memory.held.values()]
        .filter((resource) => resource.type === type)
        .map(({ name, version }) => ({ name, version }));
      const half = resources.length >> 1;
      this.send({ versionList: { type, resources: resources.slice(0, half), last: false } });
      this.send({ versionList: { type, resources: resources.slice(half), last: true } });
    }
  }

  #chunk(chunk: RangeChunk): void {
    this.chunks.push(chunk);
    if (this.#options.cutAtChunk === chunk.index) {
      this.#call.cancel();
      return;
    }
    this.#range.push(chunk);
    if (!chunk.commit) return;
    const chunks = this.#range;
    this.#range = [];
    if (this.#options.acknowledge !== false) this.#apply(chunks, chunk);
  }

  #apply(chunks: RangeChunk[], last: RangeChunk): void {
    const { memory } = this;
    const welcome = this.welcomes.at(-1);
    const resources = chunks.flatMap((chunk) => chunk.resources);
    const removed = chunks.flatMap((chunk) => chunk.removedResources);
    for (const { type, name } of removed) memory.held.delete(`${type}/${name}`);
    for (const resource of resources) {
      memory.held.set(`${resource.type}/${resource.name}`, resource);
    }
    memory.epoch = welcome?.epoch ?? '';
    memory.revision = last.toRevision;
    this.#compareDigests(last);
    this.ranges.push({
      from: last.fromRevision,
      to: last.toRevision,
      resources,
      removed: removed.map(({ type, name }) => `${type}/${name}`),
      atMs: performance.now(),
    });
    const rejected = resources.flatMap((resource) => {
      const { type, name, version } = resource;
      const why = resource.withheld ? undefined : this.#options.reject?.(resource);
      return why ? [{ type, name, version, ...why }] : [];
    });
    const nonce = last.commit?.nonce ?? '';
    this.send({ acknowledgment: { nonce, revision: last.toRevision, rejected } });
  }

  #compareDigests(last: RangeChunk): void {
    for (const { type, digest, count } of last.commit?.digests ?? []) {
      const mine = new ResourceDigest();
      for (const resource of this.memory.held.values()) {
        if (resource.type === type) mine.add(resource.name, resource.version);
      }
      if (mine.count !== count || !mine.bytes().equals(digest)) this.mismatches.push(type);
    }
  }

  #changed(): void {
    for (const look of this.#watchers) look();
  }
}
