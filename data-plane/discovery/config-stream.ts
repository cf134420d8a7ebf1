import type { ClientDuplexStream } from '@grpc/grpc-js';
import type { Logger } from '../../common/logging.ts';
import { resourceTypes } from '../../common/resource-types.ts';
import type { ControlMessage } from '../../proto/gen/mcpgw/discovery/v1/ControlMessage.ts';
import type { Heartbeat } from '../../proto/gen/mcpgw/discovery/v1/Heartbeat.ts';
import type { HelloInput } from '../../proto/gen/mcpgw/discovery/v1/Hello.ts';
import type { NodeMessageInput } from '../../proto/gen/mcpgw/discovery/v1/NodeMessage.ts';
import type { RangeChunk } from '../../proto/gen/mcpgw/discovery/v1/RangeChunk.ts';
import type { Welcome } from '../../proto/gen/mcpgw/discovery/v1/Welcome.ts';
import { applyRange } from '../snapshot/apply-range.ts';
import { type CompleteRange, RangeAssembler } from '../snapshot/range-assembler.ts';
import type { ResourceState } from '../snapshot/resource-state.ts';
import { acknowledgment } from './acknowledgment.ts';

export type ConfigCall = ClientDuplexStream<NodeMessageInput, ControlMessage>;

/** Why the node itself ends a stream. */
export interface StreamFault {
  readonly kind: 'protocol' | 'rollback' | 'digest_mismatch' | 'silent';
  readonly detail: string;
}

/** What a stream reports to its owner, and takes from it. */
export interface ConfigStreamOwner {
  state(): ResourceState;
  welcomed(welcome: Welcome): void;
  /** The new state is in force when this returns. */
  applied(state: ResourceState, range: CompleteRange): void;
  heartbeat(heartbeat: Heartbeat): void;
}

export interface ConfigStreamOptions {
  readonly instanceId: string;
  readonly build: string;
  readonly advertisedUrl: string;
  /** The node says that it holds nothing, to have everything sent. */
  readonly fromNothing: boolean;
  readonly rangeBytesMax: number;
  /** Bound on the time until the control plane's first message. */
  readonly welcomeTimeoutMs: number;
  /** So many heartbeats may be missed. */
  readonly heartbeatsMissedMax: number;
  readonly logger: Logger;
}

const versionsPerMessage = 1000;
const heartbeatIntervalMsMin = 100;

/** One stream from Hello to its end: what is half received when it ends is forgotten. */
export class ConfigStream {
  readonly #call: ConfigCall;
  readonly #owner: ConfigStreamOwner;
  readonly #options: ConfigStreamOptions;
  readonly #assembler: RangeAssembler;
  #silence: NodeJS.Timeout | undefined;
  #silenceMsMax: number;
  #epoch: string | undefined;
  #rangesApplied = 0;
  #fault: StreamFault | undefined;

  constructor(call: ConfigCall, owner: ConfigStreamOwner, options: ConfigStreamOptions) {
    this.#call = call;
    this.#owner = owner;
    this.#options = options;
    this.#silenceMsMax = options.welcomeTimeoutMs;
    this.#assembler = new RangeAssembler(options.rangeBytesMax);
  }

  /**
   * Runs until the stream ends: resolves with the node's own reason, or with undefined when the control
   * plane closed it in order.
   * @throws {ServiceError} when it broke or was refused.
   */
  async run(): Promise<StreamFault | undefined> {
    // The iteration reports errors; those that come after it has ended are of no interest.
    this.#call.on('error', () => undefined);
    this.#watchForSilence();
    try {
      await this.#send({ hello: this.#hello() });
      for await (const message of this.#call as AsyncIterable<ControlMessage>) {
        clearTimeout(this.#silence);
        this.#fault = await this.#receive(message);
        if (this.#fault !== undefined) break;
        this.#watchForSilence();
      }
    } catch (error) {
      if (this.#fault === undefined) throw error;
    } finally {
      clearTimeout(this.#silence);
      this.#call.cancel();
    }
    return this.#fault;
  }

  /** Ends the stream; `run` then ends with the call's cancellation. */
  cancel(): void {
    this.#call.cancel();
  }

  #hello(): HelloInput {
    const { instanceId, build, advertisedUrl, fromNothing } = this.#options;
    const state = this.#owner.state();
    const about = { instanceId, build, advertisedUrl, types: [...resourceTypes] };
    if (fromNothing) return { ...about, epoch: '', revision: 0, digests: [] };
    const digests = state.types().map((type) => {
      const { count, bytes } = state.digest(type);
      return { type, count, digest: bytes };
    });
    return { ...about, epoch: state.epoch, revision: state.revision, digests };
  }

  /** Only the control plane's silence counts, not the time that the node takes over a message. */
  #watchForSilence(): void {
    const ms = this.#silenceMsMax;
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      this.#fault = { kind: 'silent', detail: `nothing came for ${ms} ms` };
      this.#call.cancel();
    }, ms);
  }

  async #receive(message: ControlMessage): Promise<StreamFault | undefined> {
    if (message.welcome) return this.#welcome(message.welcome);
    if (this.#epoch === undefined) {
      return { kind: 'protocol', detail: 'the first message was no Welcome' };
    }
    if (message.heartbeat) {
      this.#owner.heartbeat(message.heartbeat);
      return undefined;
    }
    if (message.versionListRequest) {
      for (const type of message.versionListRequest.types) await this.#sendVersionList(type);
      return undefined;
    }
    if (message.rangeChunk) return this.#rangeChunk(message.rangeChunk, this.#epoch);
    // A message of a later protocol: it can't concern a node that hasn't announced that it knows it.
    return undefined;
  }

  #welcome(welcome: Welcome): StreamFault | undefined {
    if (welcome.epoch === '') return { kind: 'protocol', detail: 'the Welcome names no epoch' };
    this.#epoch = welcome.epoch;
    const intervalMs = Math.max(heartbeatIntervalMsMin, welcome.heartbeatIntervalMs);
    this.#silenceMsMax = intervalMs * this.#options.heartbeatsMissedMax;
    this.#owner.welcomed(welcome);
    return undefined;
  }

  async #sendVersionList(type: string): Promise<void> {
    let resources: { name: string; version: string }[] = [];
    const held = this.#options.fromNothing ? [] : this.#owner.state().ofType(type);
    for (const { received, announced } of held) {
      if (!announced) continue;
      resources.push({ name: received.name, version: received.version });
      if (resources.length < versionsPerMessage) continue;
      await this.#send({ versionList: { type, resources, last: false } });
      resources = [];
    }
    await this.#send({ versionList: { type, resources, last: true } });
  }

  async #rangeChunk(chunk: RangeChunk, epoch: string): Promise<StreamFault | undefined> {
    const outcome = await this.#assembler.add(chunk);
    switch (outcome.kind) {
      case 'incomplete':
        return undefined;
      case 'violation':
        return { kind: 'protocol', detail: outcome.message };
      case 'complete':
        return this.#apply(outcome.range, epoch);
    }
  }

  async #apply(range: CompleteRange, epoch: string): Promise<StreamFault | undefined> {
    const first = this.#rangesApplied === 0;
    const replacesAll = first && this.#options.fromNothing;
    const context = { epoch, first, replacesAll };
    const outcome = await applyRange(this.#owner.state(), range, context);
    switch (outcome.kind) {
      case 'refused':
        return { kind: 'rollback', detail: outcome.message };
      case 'digest_mismatch':
        return {
          kind: 'digest_mismatch',
          detail: `${outcome.types.join(', ')} would differ at ${range.commit.systemVersionInfo}`,
        };
      case 'applied': {
        this.#rangesApplied += 1;
        this.#owner.applied(outcome.state, range);
        const rejected = first ? outcome.state.refused() : outcome.rejected;
        for (const { received, refusal } of outcome.rejected) {
          const { type, name, version } = received;
          this.#options.logger.warn({ type, name, version, ...refusal }, 'a resource is refused');
        }
        const { nonce } = range.commit;
        await this.#send({
          acknowledgment: acknowledgment(nonce, outcome.state.revision, rejected),
        });
        return undefined;
      }
    }
  }

  async #send(message: NodeMessageInput): Promise<void> {
    if (this.#call.write(message)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const done = (): void => resolve();
    this.#call.once('drain', done);
    this.#call.once('close', done);
    this.#call.once('error', done);
    await promise;
  }
}
