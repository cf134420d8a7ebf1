import { randomBytes } from 'node:crypto';
import type { Acknowledgment } from '../../proto/gen/mcpgw/discovery/v1/Acknowledgment.ts';
import type { ControlMessageInput } from '../../proto/gen/mcpgw/discovery/v1/ControlMessage.ts';
import type { NodeMessage } from '../../proto/gen/mcpgw/discovery/v1/NodeMessage.ts';
import { type CompiledResource, resourceKey } from '../snapshot/compiled-resource.ts';
import type { ConfigModel } from '../snapshot/config-model.ts';
import type { GroupView } from '../snapshot/group-view.ts';
import { type HeldVersions, type RevisionRange, rangeSince } from '../snapshot/revision-range.ts';
import type { ConfigSource } from './config-source.ts';
import { reconcile } from './full-reconcile.ts';
import type { MessageChannel } from './message-channel.ts';
import type { NodePrincipal } from './node-authenticator.ts';
import { type NodeHello, nodeHello } from './node-hello.ts';
import type { NodeStatusReporter } from './node-status.ts';
import { rangeChunks } from './range-chunks.ts';
import type { Rejection, RejectionRegistry } from './rejection-registry.ts';
import { protocolViolation, superseded, unavailable } from './stream-end.ts';

/** Bounds of one stream. */
export interface NodeSessionLimits {
  readonly helloTimeoutMs: number;
  readonly acknowledgmentTimeoutMs: number;
  readonly versionListTimeoutMs: number;
  /** Versions that a node may list, over all types. */
  readonly versionListMax: number;
  /** Rejected resources of one acknowledgment that are looked at. */
  readonly rejectedMax: number;
  readonly chunkBytes: number;
  readonly heartbeatIntervalMs: number;
}

export interface NodeSessionOptions {
  readonly channel: MessageChannel<NodeMessage, ControlMessageInput>;
  readonly principal: NodePrincipal;
  readonly source: ConfigSource;
  readonly rejections: RejectionRegistry;
  readonly limits: NodeSessionLimits;
  readonly openStatus: (hello: NodeHello) => Promise<NodeStatusReporter>;
  readonly nowMs: () => number;
}

const messageLengthMax = 500;

/**
 * The control plane's side of one stream, from top to bottom: hello, catch up, welcome, then range after
 * range, each waiting for the acknowledgment of the one before. While a range is under way, what is
 * committed collects into the next: a slow node gets fewer, larger ranges, and nobody waits for it.
 */
export class NodeSession {
  readonly #options: NodeSessionOptions;
  readonly #channel: MessageChannel<NodeMessage, ControlMessageInput>;
  /** What the node holds and can't use: key → version. */
  readonly #unusable = new Map<string, string>();
  #model: ConfigModel | undefined;
  #changed = Promise.withResolvers<void>();
  #status: NodeStatusReporter | undefined;

  constructor(options: NodeSessionOptions) {
    this.#options = options;
    this.#channel = options.channel;
  }

  /** The source may have moved on. */
  wake(): void {
    if (this.#model && this.#options.source.model !== this.#model) {
      this.#channel.end(superseded('The database was restored or replaced.'));
    }
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** Sends a heartbeat, unless the node hasn't been welcomed yet or is behind in reading. */
  heartbeat(): void {
    if (!this.#model || !this.#channel.idle) return;
    const heartbeat = {
      feedReadAtMs: this.#options.source.readAtMs,
      sentAtMs: this.#options.nowMs(),
      revision: this.#model.revision,
    };
    // A failure ends the stream, which `run` sees.
    this.#channel.send({ heartbeat }).catch(() => undefined);
  }

  /**
   * Serves the node until its stream ends; resolves when the node closed it in order.
   * @throws {StreamEnd}
   */
  async run(): Promise<void> {
    const { limits } = this.#options;
    try {
      const hello = nodeHello(await this.#channel.take('hello', limits.helloTimeoutMs));
      const model = await this.#modelFor(hello);
      this.#status = await this.#options.openStatus(hello);
      await this.#follow(hello, model, this.#status);
    } finally {
      this.#status?.close();
    }
  }

  /**
   * The state to answer from. A node that knows more than this replica, another epoch, or is of a group
   * that the replica hasn't heard of, is answered only after the database has been asked: a replica that
   * lags must roll nothing back.
   */
  async #modelFor(hello: NodeHello): Promise<ConfigModel> {
    const { source, principal } = this.#options;
    const knows = (model: ConfigModel | undefined) =>
      model?.group(principal.groupId) !== undefined &&
      (hello.epoch === '' || (hello.epoch === model.epoch && hello.revision <= model.revision));
    if (!knows(source.model)) {
      await source.refresh().catch(() => {
        throw unavailable('This replica can’t read the database now.');
      });
    }
    if (!source.model) throw unavailable('This replica has not read the database yet.');
    return source.model;
  }

  async #follow(hello: NodeHello, model: ConfigModel, status: NodeStatusReporter): Promise<void> {
    const { principal, limits } = this.#options;
    // Taken once: whatever the node said after the database was asked, it is not from this history.
    const rewound = hello.epoch === model.epoch && hello.revision > model.revision;
    const epochChanged = rewound || (hello.epoch !== '' && hello.epoch !== model.epoch);
    // Another name for a history that was rewound, so that the node lets go of its revision.
    const epoch = rewound ? `${model.epoch}@${model.revision}` : model.epoch;
    this.#model = model;
    this.#view();
    await this.#channel.send({
      welcome: {
        epoch,
        nodeName: principal.nodeName,
        nodeId: status.nodeId,
        nodeGroup: principal.groupName,
        heartbeatIntervalMs: limits.heartbeatIntervalMs,
        epochChanged,
      },
    });
    status.condition(
      'epoch_changed',
      epochChanged
        ? 'The node held a state of another database, or one that the database no longer has; it got a full reconcile.'
        : undefined,
    );
    let followed = !epochChanged && hello.revision > 0;
    let range: RevisionRange | undefined = await this.#firstRange(hello, epochChanged);
    while (range) {
      const acknowledged = await this.#deliver(range, hello, { epoch, followed });
      followed = true;
      range = acknowledged ? await this.#nextRange(range.toRevision, hello.types) : undefined;
    }
  }

  /** The group's view at the model's revision, which is read between awaits only. */
  #view(): { view: GroupView; revision: number } {
    const model = this.#model;
    if (!model || this.#options.source.model !== model) {
      throw superseded('The database was restored or replaced.');
    }
    const view = model.group(this.#options.principal.groupId);
    if (!view) throw superseded('The node’s group no longer exists.');
    return { view, revision: model.revision };
  }

  async #firstRange(hello: NodeHello, epochChanged: boolean): Promise<RevisionRange> {
    if (!epochChanged && hello.revision > 0) {
      const { view, revision } = this.#view();
      const bounds = { fromRevision: hello.revision, toRevision: revision };
      // At the same revision the digests can be compared; before it, the log says what changed, and the
      // commit's digests show the node whether that was all.
      const range = hello.revision < revision && rangeSince(view, bounds, hello.types);
      if (range) return range;
    }
    return reconcile(
      hello,
      () => this.#view(),
      (types) => this.#versionsOf(types),
    );
  }

  async #nextRange(
    fromRevision: number,
    types: ReadonlySet<string>,
  ): Promise<RevisionRange | undefined> {
    for (;;) {
      const { view, revision } = this.#view();
      if (revision > fromRevision) {
        const range = rangeSince(view, { fromRevision, toRevision: revision }, types);
        // The log was cut while the node took its time: its digests are compared on a new stream.
        if (!range) throw superseded('The node is further behind than the change log reaches.');
        return range;
      }
      if ((await this.#channel.idleUntil(this.#changed.promise)) === 'woken') continue;
      const message = await this.#channel.take('message', this.#options.limits.helloTimeoutMs);
      if (message) throw protocolViolation('A message came that nothing asked for.');
      return undefined;
    }
  }

  /** Sends a range and awaits its acknowledgment; false when the node closed its stream instead. */
  async #deliver(
    range: RevisionRange,
    hello: NodeHello,
    about: { epoch: string; followed: boolean },
  ): Promise<boolean> {
    const { limits, rejections, principal } = this.#options;
    const nonce = randomBytes(12).toString('base64url');
    const chunks = rangeChunks(range, {
      chunkBytes: limits.chunkBytes,
      commit: {
        nonce,
        systemVersionInfo: `${about.epoch}/${range.toRevision}`,
        digests: [...range.digests],
      },
      withheld: (resource) =>
        rejections.find(principal.groupId, hello.build, resource) !== undefined,
    });
    for (const { type, name } of range.removed) this.#unusable.delete(resourceKey(type, name));
    for (const resource of range.resources) this.#sent(resource, hello.build);
    for (const rangeChunk of chunks) await this.#channel.send({ rangeChunk });
    const message = await this.#channel.take('acknowledgment', limits.acknowledgmentTimeoutMs);
    if (!message) return false;
    const acknowledgment = message.acknowledgment;
    if (acknowledgment?.nonce !== nonce || acknowledgment.revision !== range.toRevision) {
      throw protocolViolation('The acknowledgment of the range was due.');
    }
    this.#acknowledged(acknowledgment, hello, about.followed);
    return true;
  }

  #sent(resource: CompiledResource, build: string): void {
    const { rejections, principal } = this.#options;
    const key = resourceKey(resource.type, resource.name);
    if (rejections.find(principal.groupId, build, resource)) {
      this.#unusable.set(key, resource.version);
    } else {
      this.#unusable.delete(key);
    }
  }

  #acknowledged(acknowledgment: Acknowledgment, hello: NodeHello, followed: boolean): void {
    const { principal, rejections, limits, nowMs } = this.#options;
    const rejected = acknowledgment.rejected.slice(0, limits.rejectedMax).map(shortened);
    const view = this.#model?.group(principal.groupId);
    for (const rejection of rejected) {
      const key = resourceKey(rejection.type, rejection.name);
      if (!hello.types.has(rejection.type)) continue;
      this.#unusable.set(key, rejection.version);
      // Of what the group doesn't have, nothing is remembered: a node can't fill the memory.
      if (view?.get(key)?.version === rejection.version) {
        rejections.add(principal.groupId, hello.build, rejection);
      }
    }
    for (const key of this.#unusable.keys()) if (!view?.get(key)) this.#unusable.delete(key);
    this.#status?.progress({
      receivedRevision: acknowledgment.revision,
      fullyApplied: this.#unusable.size === 0,
      atMs: nowMs(),
      followed,
      rejected,
    });
    const unusable = [...this.#unusable.keys()];
    this.#status?.condition(
      'resources_rejected',
      unusable.length === 0
        ? undefined
        : `${unusable.length} resources can’t be used by build ${hello.build}: ${unusable.slice(0, 5).join(', ')}`,
    );
  }

  async #versionsOf(types: readonly string[]): Promise<Map<string, HeldVersions>> {
    const { limits } = this.#options;
    await this.#channel.send({ versionListRequest: { types: [...types] } });
    const lists = new Map<string, Map<string, string>>(types.map((type) => [type, new Map()]));
    const open = new Set(types);
    let listed = 0;
    while (open.size > 0) {
      const message = await this.#channel.take('version list', limits.versionListTimeoutMs);
      const part = message?.versionList;
      if (!part || !open.has(part.type)) throw protocolViolation('A version list was due.');
      listed += part.resources.length;
      if (listed > limits.versionListMax) {
        throw protocolViolation(`More than ${limits.versionListMax} versions were listed.`);
      }
      const list = lists.get(part.type);
      for (const { name, version } of part.resources) list?.set(name, version);
      if (part.last) open.delete(part.type);
    }
    return lists;
  }
}

function shortened(rejection: Rejection): Rejection {
  // What PostgreSQL can't store (NUL, half a surrogate pair) must not keep states from being written.
  const text = (value: string) =>
    value.replaceAll('\0', '').slice(0, messageLengthMax).toWellFormed();
  return {
    type: text(rejection.type),
    name: text(rejection.name),
    version: text(rejection.version),
    path: text(rejection.path),
    message: text(rejection.message),
  };
}
