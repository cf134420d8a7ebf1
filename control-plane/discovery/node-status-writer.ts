import type { Logger } from '../../common/logging.ts';
import type { Store } from '../store/store.ts';
import type { NodePrincipal } from './node-authenticator.ts';
import type { NodeHello } from './node-hello.ts';
import type { NodeConditionType, NodeProgress, NodeStatusReporter } from './node-status.ts';
import {
  type NodeStatusChange,
  openNodeRow,
  renewNodeLeases,
  writeNodeChanges,
} from './node-status-rows.ts';

export interface NodeStatusWriterOptions {
  readonly store: Store;
  readonly logger: Logger;
  readonly nowMs: () => number;
  /** Names this replica among all that ever ran. */
  readonly replica: string;
  /** How long changes collect before they are written. */
  readonly flushIntervalMs: number;
  /** A connected node's row is renewed within half of it; after it, the replica counts as dead. */
  readonly leaseMs: number;
}

/** Rejected resources of a NACK that are kept in the node's row. */
const nackRejectedMax = 50;

/**
 * Keeps the rows of nodes up to date: what all streams report between two flushes goes out as one
 * statement. A row shows the node's latest stream.
 */
export class NodeStatusWriter {
  readonly #options: NodeStatusWriterOptions;
  readonly #open = new Map<string, StreamStatus[]>();
  readonly #timers: readonly NodeJS.Timeout[];
  #pending = new Map<string, NodeStatusChange>();
  #flushing: Promise<void> = Promise.resolve();

  constructor(options: NodeStatusWriterOptions) {
    this.#options = options;
    this.#timers = [
      setInterval(() => this.#background(this.flush()), options.flushIntervalMs),
      setInterval(() => this.#background(this.renew()), options.leaseMs / 2),
    ];
  }

  /** Shows the node as connected and returns where its stream reports to. */
  async open(principal: NodePrincipal, hello: NodeHello): Promise<NodeStatusReporter> {
    const { store, replica, nowMs } = this.#options;
    // First what an earlier stream of the node left to be written, so that it doesn't overwrite the row.
    await this.flush().catch((error: unknown) => this.#failed(error));
    const nodeId = await store.withSystem((em) => openNodeRow(em, principal, hello, replica));
    const status = new StreamStatus(nodeId, hello, nowMs, {
      changed: (change) => this.#changed(status, change),
      closed: (change) => this.#closed(status, change),
    });
    const streams = this.#open.get(nodeId) ?? [];
    this.#open.set(nodeId, [...streams, status]);
    this.#pending.delete(nodeId);
    return status;
  }

  /** Writes what has been reported until now. */
  flush(): Promise<void> {
    const previous = this.#flushing.catch(() => undefined);
    this.#flushing = previous.then(() => this.#flush());
    return this.#flushing;
  }

  /** Renews the leases of all nodes whose streams stand here. */
  async renew(): Promise<void> {
    const { store, replica, leaseMs } = this.#options;
    const leases = [...this.#open.values()].flatMap((streams) => {
      const latest = streams.at(-1);
      return latest ? [{ nodeId: latest.nodeId, instanceId: latest.instanceId }] : [];
    });
    await store.withSystem((em) => renewNodeLeases(em, leases, replica, leaseMs));
  }

  /** Writes what is left. The streams have to be closed before. */
  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.flush().catch((error: unknown) => this.#failed(error));
  }

  async #flush(): Promise<void> {
    if (this.#pending.size === 0) return;
    const { store, replica, nowMs } = this.#options;
    const pending = this.#pending;
    this.#pending = new Map();
    try {
      await store.withSystem((em) => writeNodeChanges(em, [...pending.values()], replica, nowMs()));
    } catch (error) {
      // What the database will never take (SQLSTATE classes 22 and 23) must not stand in the way for good.
      if (/^2[23]/.test(String((error as { code?: unknown }).code))) throw error;
      for (const [nodeId, change] of pending) {
        const newer = this.#pending.get(nodeId);
        this.#pending.set(nodeId, newer ? merged(change, newer) : change);
      }
      throw error;
    }
  }

  #changed(status: StreamStatus, change: NodeStatusChange): void {
    if (this.#open.get(status.nodeId)?.at(-1) !== status) return;
    const before = this.#pending.get(status.nodeId);
    this.#pending.set(status.nodeId, before ? merged(before, change) : change);
  }

  #closed(status: StreamStatus, change: NodeStatusChange): void {
    this.#changed(status, change);
    const left = this.#open.get(status.nodeId)?.filter((other) => other !== status) ?? [];
    if (left.length > 0) this.#open.set(status.nodeId, left);
    else this.#open.delete(status.nodeId);
  }

  #background(work: Promise<void>): void {
    work.catch((error: unknown) => this.#failed(error));
  }

  #failed(error: unknown): void {
    this.#options.logger.warn({ err: error }, 'the state of nodes could not be written');
  }
}

/** Two changes of one node as one; the second is the later. */
function merged(first: NodeStatusChange, second: NodeStatusChange): NodeStatusChange {
  const followedFrom =
    first.instanceId === second.instanceId
      ? (first.followedFrom ?? second.followedFrom)
      : second.followedFrom;
  return { ...first, ...second, ...(followedFrom === undefined ? {} : { followedFrom }) };
}

interface StreamStatusOwner {
  changed(change: NodeStatusChange): void;
  closed(change: NodeStatusChange): void;
}

/** What one stream has reported. */
class StreamStatus implements NodeStatusReporter {
  readonly nodeId: string;
  readonly instanceId: string;
  readonly #owner: StreamStatusOwner;
  readonly #nowMs: () => number;
  readonly #conditions = new Map<NodeConditionType, { since: string; message: string }>();
  #receivedRevision: number;

  constructor(nodeId: string, hello: NodeHello, nowMs: () => number, owner: StreamStatusOwner) {
    this.nodeId = nodeId;
    this.instanceId = hello.instanceId;
    this.#receivedRevision = hello.revision;
    this.#nowMs = nowMs;
    this.#owner = owner;
  }

  progress(progress: NodeProgress): void {
    const { receivedRevision, atMs, rejected } = progress;
    const followedFrom = progress.followed ? { followedFrom: this.#receivedRevision } : {};
    this.#receivedRevision = receivedRevision;
    const refused = {
      rejectedRevision: receivedRevision,
      nack: {
        at: new Date(atMs).toISOString(),
        revision: receivedRevision,
        rejected: rejected.slice(0, nackRejectedMax),
      },
    };
    this.#owner.changed({
      ...this.#change(true),
      receivedRevision,
      ...(progress.fullyApplied
        ? { appliedRevision: receivedRevision, appliedAtMs: atMs, ...followedFrom }
        : {}),
      ...(rejected.length > 0 ? refused : {}),
    });
  }

  condition(type: NodeConditionType, message: string | undefined): void {
    const before = this.#conditions.get(type);
    if (before?.message === message) return;
    if (message === undefined) {
      this.#conditions.delete(type);
    } else {
      const since = before?.since ?? new Date(this.#nowMs()).toISOString();
      this.#conditions.set(type, { since, message });
    }
    this.#owner.changed(this.#change(true));
  }

  close(): void {
    this.#owner.closed(this.#change(false));
  }

  #change(connected: boolean): NodeStatusChange {
    const conditions = [...this.#conditions].map(([type, rest]) => ({ type, ...rest }));
    return { nodeId: this.nodeId, instanceId: this.instanceId, connected, conditions };
  }
}
