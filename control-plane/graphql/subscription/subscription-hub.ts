import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from '../../../common/logging.ts';
import {
  type AuditEntryView,
  type AuditFilterFields,
  findAuditEntriesAfter,
  lastAuditSequence,
} from '../../registry/audit-entries.ts';
import type { NodeFilterFields, NodeView } from '../../registry/nodes.ts';
import { findNodes } from '../../registry/nodes.ts';
import { type RequestLogView, withPolicyNames } from '../../registry/request-log-policies.ts';
import { type RequestLogFilterFields, requestLogCondition } from '../../registry/request-logs.ts';
import { FollowerLagged, type FoundRow, RowFollower } from '../../registry/row-follower.ts';
import type { ChangeFeed } from '../../store/change-feed.ts';
import { ConfigChange } from '../../store/entities/config-change.ts';
import { RequestLog } from '../../store/entities/request-log.ts';
import type { Store } from '../../store/store.ts';
import { ApiError } from '../errors.ts';
import { AccessWatch } from './access-watch.ts';
import { follow } from './follow.ts';
import type { RowChangeReader } from './row-changes.ts';

export interface SubscriptionBounds {
  /** Events that one subscriber may be behind. */
  readonly backlogMax: number;
  /** Longest that a subscriber may take over one read's events, in milliseconds. */
  readonly stallMsMax: number;
  /** Subscriptions of one replica, over all connections. */
  readonly subscriptionsMax: number;
}

/** Who follows something. */
export interface Subscriber {
  /** When the subscriber's credential ends, in milliseconds since the Unix epoch. */
  /** When the credential ends, as far as the last check knew. */
  readonly expiresAtMs: () => number;
  /** The person or service account, and the session or API key: a change of one asks for another look. */
  readonly ids: ReadonlySet<string>;
  /** The organization whose things are followed; undefined: the platform's. */
  readonly organizationId: string | undefined;
  /** Throws when the subscriber may no longer read. */
  readonly authorize: () => Promise<void>;
}

export interface SubscriptionHubOptions {
  readonly store: Store;
  readonly feed: Pick<ChangeFeed, 'on'>;
  readonly bounds: SubscriptionBounds;
  readonly logger: Logger;
  readonly now: () => number;
}

/** Changes of access are told at once; these bounds hold also when that should fail. */
const recheckMs = 1000;
const idleRecheckMs = 60_000;
/** Rows loaded at once. */
const chunkSize = 100;
/** No transaction that writes a record or a node's state takes this long. */
const lateCommitMsMax = 30_000;

async function orLagged<T>(read: Promise<T>): Promise<T> {
  try {
    return await read;
  } catch (error) {
    throw error instanceof FollowerLagged ? new ApiError('SUBSCRIPTION_LAGGED') : error;
  }
}

/** The entries that were found, as far as they fit the condition; their times name their partitions. */
async function loadEntries(
  em: EntityManager,
  organizationId: string,
  condition: object,
  found: readonly FoundRow[],
): Promise<RequestLogView[]> {
  const times = found.map(({ writtenAt }) => writtenAt.getTime());
  const receivedAt = { $gte: new Date(Math.min(...times)), $lte: new Date(Math.max(...times)) };
  const entries = await em.find(
    RequestLog,
    { $and: [condition, { receivedAt, id: { $in: found.map(({ id }) => id) } }] },
    { orderBy: { receivedAt: 'asc', id: 'asc' } },
  );
  return withPolicyNames(em, organizationId, entries);
}

/** Streams of events for subscribers, on any replica: the feed wakes, each reads under its own scope. */
export class SubscriptionHub {
  readonly #options: SubscriptionHubOptions;
  readonly #access: AccessWatch;
  #open = 0;

  constructor(options: SubscriptionHubOptions) {
    this.#options = options;
    this.#access = new AccessWatch(options);
  }

  /** Subscriptions that are open on this replica. */
  get open(): number {
    return this.#open;
  }

  /** Records of an organization's calls, from now on. */
  async requestLogs(
    subscriber: Subscriber,
    organizationId: string,
    filter: RequestLogFilterFields,
  ): Promise<AsyncGenerator<RequestLogView>> {
    const { store, feed, bounds } = this.#options;
    const condition = requestLogCondition(organizationId, filter);
    const follower = await store.withOrganization(organizationId, (em) =>
      RowFollower.begin(
        em,
        {
          table: 'request_logs',
          condition: 'organization_id = ?',
          parameters: [organizationId],
          writtenAt: 'received_at',
        },
        { rowsMax: bounds.backlogMax, lateCommitMsMax },
      ),
    );
    const queue: FoundRow[] = [];
    const read = async (): Promise<readonly RequestLogView[]> => {
      if (condition === undefined) return [];
      return store.withOrganization(organizationId, async (em) => {
        if (queue.length === 0) queue.push(...(await orLagged(follower.read(em))));
        const entries: RequestLogView[] = [];
        // Entries that the filter leaves out must not look like the end of the queue.
        while (entries.length === 0 && queue.length > 0) {
          entries.push(
            ...(await loadEntries(em, organizationId, condition, queue.splice(0, chunkSize))),
          );
        }
        return entries;
      });
    };
    return this.#follow(
      subscriber,
      read,
      () => queue.length > 0,
      (wake) =>
        feed.on('requestLogs', ({ organizationIds }) => {
          if (organizationIds === 'many' || organizationIds.includes(organizationId)) wake();
        }),
    );
  }

  /** Nodes whose state changed, from now on; several changes in a moment are one event. */
  async nodes(subscriber: Subscriber, filter: NodeFilterFields): Promise<AsyncGenerator<NodeView>> {
    const { store, feed, bounds, now } = this.#options;
    const follower = await store.withPlatform((em) =>
      RowFollower.begin(
        em,
        { table: 'nodes', condition: 'true', parameters: [], writtenAt: 'updated_at' },
        { rowsMax: bounds.backlogMax, lateCommitMsMax },
      ),
    );
    const read = async (): Promise<readonly NodeView[]> => {
      const found = await store.withPlatform((em) => orLagged(follower.read(em)));
      const ids = new Set(found.map(({ id }) => id));
      const nodes = await findNodes(store, [...ids], now());
      return nodes.filter((node) => matches(node, filter));
    };
    return this.#follow(
      subscriber,
      read,
      () => false,
      (wake) => feed.on('nodes', wake),
    );
  }

  /**
   * Committed changes to rows of an organization, in the order of their revisions, from now on.
   * @param events which rows, and what is said of them.
   */
  async changes<Event extends object>(
    subscriber: Subscriber,
    organizationId: string,
    events: RowChangeReader<Event>,
  ): Promise<AsyncGenerator<Event>> {
    const { store, feed } = this.#options;
    let revision = await store.withOrganization(organizationId, async (em) => {
      const last = { orderBy: { revision: 'desc' }, limit: 1 } as const;
      const [change] = await em.find(ConfigChange, { organizationId }, last);
      return change?.revision ?? 0;
    });
    let more = false;
    const read = async (): Promise<readonly Event[]> => {
      // Revisions become visible in their order, so that the last one seen is a safe mark.
      const changes = await store.withOrganization(organizationId, (em) =>
        em.find(
          ConfigChange,
          { organizationId, revision: { $gt: revision } },
          { orderBy: { revision: 'asc' }, limit: chunkSize },
        ),
      );
      more = changes.length === chunkSize;
      revision = changes.at(-1)?.revision ?? revision;
      return events(store, organizationId, changes);
    };
    return this.#follow(
      subscriber,
      read,
      () => more,
      (wake) => feed.on('config', wake),
    );
  }

  /** Entries of an organization's audit trail, in the order of their sequence, from now on. */
  async auditEntries(
    subscriber: Subscriber,
    organizationId: string,
    filter: AuditFilterFields,
  ): Promise<AsyncGenerator<AuditEntryView>> {
    const { store, feed } = this.#options;
    // A chain has no gaps, and an entry is visible before the next: the last one seen is a safe mark.
    let sequence = await lastAuditSequence(store, organizationId);
    let more = false;
    const read = async (): Promise<readonly AuditEntryView[]> => {
      const found = await findAuditEntriesAfter(store, organizationId, filter, sequence, chunkSize);
      ({ sequence, more } = found);
      return found.entries;
    };
    return this.#follow(
      subscriber,
      read,
      () => more,
      (wake) =>
        feed.on('audit', ({ chainId }) => {
          if (chainId === organizationId || chainId === 'many') wake();
        }),
    );
  }

  /** Reads again at once while `hasMore`, so that a long queue drains without another wake. */
  #follow<T>(
    subscriber: Subscriber,
    read: () => Promise<readonly T[]>,
    hasMore: () => boolean,
    onWake: (wake: () => void) => () => void,
  ): AsyncGenerator<T> {
    const { bounds, now } = this.#options;
    if (this.#open >= bounds.subscriptionsMax) throw new ApiError('TOO_MANY_SUBSCRIPTIONS');
    this.#open += 1;
    let wakeAgain = (): void => undefined;
    let isOpen = true;
    return follow({
      onWake: (wake) => {
        wakeAgain = wake;
        const stop = onWake(wake);
        return () => {
          stop();
          if (isOpen) this.#open -= 1;
          isOpen = false;
        };
      },
      read: async () => {
        const items = await read();
        if (hasMore()) wakeAgain();
        return items;
      },
      authorize: subscriber.authorize,
      recheckMs,
      idleRecheckMs,
      onRecheck: (recheck) =>
        this.#access.watch({
          ids: subscriber.ids,
          organizationId: subscriber.organizationId,
          recheck,
        }),
      expiresAtMs: subscriber.expiresAtMs,
      stallMsMax: bounds.stallMsMax,
      now,
    });
  }
}

function matches(node: NodeView, filter: NodeFilterFields): boolean {
  const { nodeGroupId, connected, rejecting } = filter;
  if (typeof nodeGroupId === 'string' && node.nodeGroupId !== nodeGroupId) return false;
  if (typeof connected === 'boolean' && node.connected !== connected) return false;
  return typeof rejecting !== 'boolean' || (node.lastNack !== null) === rejecting;
}
