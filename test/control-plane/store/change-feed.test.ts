import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Client } from 'pg';
import { pino } from 'pino';
import {
  ChangeFeed,
  type ChangeFeedOptions,
  type FeedEvents,
  type FeedTopic,
} from '../../../control-plane/store/change-feed.ts';
import { commitChange } from '../../../control-plane/store/commit-change.ts';
import { EventWatermark } from '../../../control-plane/store/entities/event-watermark.ts';
import { notifyNodes, notifyRequestLogs } from '../../../control-plane/store/notify.ts';
import type { Store } from '../../../control-plane/store/store.ts';
import { uuidV7 } from '../../../control-plane/store/uuid-v7.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

const organization = uuidV7();
let database: TestDatabase;
let store: Store;
let owner: Client;
let feeds: ChangeFeed[];

beforeAll(async () => {
  database = await createTestDatabase();
  store = await database.openStore();
  owner = await database.connect('owner');
});

afterAll(() => database.drop());

beforeEach(() => {
  feeds = [];
});

afterEach(async () => {
  await Promise.all(feeds.map((feed) => feed.close()));
});

/** A poll that never comes by itself, so that what arrives was notified. */
const never = 600_000;

async function open(options: Partial<ChangeFeedOptions> = {}): Promise<ChangeFeed> {
  const feed = await ChangeFeed.open({
    connection: database.roles.system,
    logger: pino({ level: 'silent' }),
    pollIntervalMs: never,
    reconnectDelayMinMs: 1,
    ...options,
  });
  feeds.push(feed);
  return feed;
}

/** Resolves with the first event that fits; the test's own time-out is the bound. */
function next<Topic extends FeedTopic>(
  feed: ChangeFeed,
  topic: Topic,
  fits: (event: FeedEvents[Topic]) => boolean = () => true,
): Promise<FeedEvents[Topic]> {
  return new Promise((resolve) => {
    const off = feed.on(topic, (event) => {
      if (!fits(event)) return;
      off();
      resolve(event);
    });
  });
}

/** For what shows itself without an event. */
function until(holds: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      if (!holds()) return;
      clearInterval(timer);
      resolve();
    }, 1);
  });
}

function change(): Promise<{ revision: number }> {
  return store.withOrganization(organization, (em) =>
    commitChange(em, {
      organizationId: organization,
      actor: { kind: 'system', id: 'test' },
      action: 'server.update',
      target: { type: 'server', id: 's1' },
      resources: [{ kind: 'server', id: 's1' }],
    }),
  );
}

/** Cuts every connection that listens, as a failing server or network would. */
async function cutListeners(): Promise<void> {
  const { rowCount } = await owner.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where application_name = 'mcpgw-feed' and datname = current_database()`,
  );
  expect(rowCount).toBeGreaterThan(0);
}

describe('the change feed', () => {
  test('tells of a revision once it is committed', async () => {
    const feed = await open();
    const event = next(feed, 'config');
    const { revision } = await change();
    expect(await event).toEqual({ revision, reconnected: false });
    expect(feed.revision).toBe(revision);
  });

  test('tells of new records by organization, of many at once, and of nodes', async () => {
    const feed = await open();
    const few = next(feed, 'requestLogs');
    await store.withSystem((em) => notifyRequestLogs(em, [organization, organization]));
    expect(await few).toEqual({ organizationIds: [organization] });
    const many = next(feed, 'requestLogs');
    const ids = Array.from({ length: 500 }, () => uuidV7());
    await store.withSystem((em) => notifyRequestLogs(em, ids));
    expect(await many).toEqual({ organizationIds: 'many' });
    const nodes = next(feed, 'nodes');
    await store.withSystem((em) => notifyNodes(em));
    expect(await nodes).toEqual({ reconnected: false });
  });

  test('finds by polling what no notification told', async () => {
    const feed = await open({ pollIntervalMs: 5 });
    const config = next(feed, 'config');
    await owner.query('update platform_state set revision = revision + 1');
    expect(await config).toMatchObject({ reconnected: false });
    const records = next(feed, 'requestLogs');
    await store.withSystem(async (em) => {
      em.create(EventWatermark, { nodeId: uuidV7(), spoolId: uuidV7(), sequence: 5 });
    });
    expect(await records).toEqual({ organizationIds: 'many' });
    const nodes = next(feed, 'nodes');
    await owner.query(
      `insert into nodes (id, node_group_id, name) select gen_random_uuid(), id, 'n' from node_groups`,
    );
    await nodes;
  });

  test('survives its connection, and then tells everybody to read again', async () => {
    const feed = await open();
    const again = Promise.all([
      next(feed, 'config', (event) => event.reconnected),
      next(feed, 'requestLogs', (event) => event.organizationIds === 'many'),
      next(feed, 'nodes', (event) => event.reconnected),
    ]);
    await cutListeners();
    const { revision } = await change();
    await again;
    // What was committed while nobody listened is known by now, or comes with a notification.
    if (feed.revision < revision)
      await next(feed, 'config', (event) => event.revision === revision);
    expect(feed.revision).toBe(revision);
    const event = next(feed, 'config');
    const later = await change();
    expect(await event).toEqual({ revision: later.revision, reconnected: false });
  });

  test('tells of a revision that is lower than before, when the database was restored', async () => {
    const feed = await open();
    await change();
    const again = next(feed, 'config', (event) => event.reconnected);
    await owner.query('update platform_state set revision = revision - 1');
    const { rows } = await owner.query<{ revision: string }>('select revision from platform_state');
    await cutListeners();
    expect(await again).toEqual({ revision: Number(rows[0]?.revision), reconnected: true });
    await owner.query('update platform_state set revision = revision + 1');
  });

  test('says when it last read, which stops while it can’t', async () => {
    let now = 1000;
    const feed = await open({ now: () => now, pollIntervalMs: 5, readTimeoutMs: 50 });
    expect(feed.lastReadAtMs).toBe(1000);
    now = 2000;
    await until(() => feed.lastReadAtMs === 2000);
    await owner.query('begin');
    try {
      // Reads block, time out, and the connection counts as lost.
      await owner.query('lock table platform_state in access exclusive mode');
      now = 3000;
      await until(() => !feed.connected);
      expect(feed.lastReadAtMs).toBe(2000);
    } finally {
      await owner.query('rollback');
    }
    await next(feed, 'config', (event) => event.reconnected);
    expect(feed.lastReadAtMs).toBe(3000);
  });

  test('goes on when a listener throws, and calls nobody who has left', async () => {
    const feed = await open();
    const seen: string[] = [];
    feed.on('config', () => {
      throw new Error('a listener’s own fault');
    });
    const off = feed.on('config', () => seen.push('left'));
    feed.on('config', () => seen.push('stayed'));
    off();
    const last = next(feed, 'config');
    await change();
    await last;
    expect(seen).toEqual(['stayed']);
  });

  test('does not open when the server can’t be reached', async () => {
    const connection = { ...database.roles.system, database: 'mcpgw_test_missing' };
    await expect(open({ connection })).rejects.toThrow();
  });

  test('closes while it is reconnecting', async () => {
    const feed = await open({ reconnectDelayMinMs: 1 });
    await cutListeners();
    await feed.close();
    expect(feed.connected).toBe(false);
  });
});
