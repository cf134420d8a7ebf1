import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify, SignJWT } from 'jose';
import { pino } from 'pino';
import { systemActor } from '../../../control-plane/identity/actor.ts';
import {
  advanceSigningKeys,
  listSigningKeys,
  rotateSigningKey,
  signingKeyRetentionMs,
} from '../../../control-plane/identity/signing-key-rotation.ts';
import {
  type OpenSigningKeys,
  openSigningKeys,
} from '../../../control-plane/identity/signing-keys.ts';
import { ChangeFeed } from '../../../control-plane/store/change-feed.ts';
import type { KeySchedule } from '../../../control-plane/store/key-phases.ts';
import { MasterKey } from '../../../control-plane/store/master-key.ts';
import { MasterKeyRing } from '../../../control-plane/store/master-key-ring.ts';
import type { Store } from '../../../control-plane/store/store.ts';
import { eventually } from '../../support/control-stream.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

const hourMs = 60 * 60 * 1000;
const dayMs = 24 * hourMs;
const schedule: KeySchedule = {
  rotationIntervalMs: 90 * dayMs,
  activationDelayMs: hourMs,
  retentionMs: signingKeyRetentionMs,
};
const logger = pino({ level: 'silent' });

let database: TestDatabase;
let store: Store;
let keys: OpenSigningKeys;
let nowMs: number;
const closers: (() => unknown)[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
  store = await database.openStore();
  nowMs = Date.now();
  keys = await open();
  // Later than the first key: they are listed by age.
  nowMs += 1000;
});
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  await database.drop();
});

/** A replica's keys, which hear of changes by notifications alone. */
async function open(masterKeys = database.masterKeys, poll = 60_000): Promise<OpenSigningKeys> {
  const connection = database.roles.system;
  const feed = await ChangeFeed.open({ connection, logger, pollIntervalMs: poll });
  closers.push(() => feed.close());
  const opened = await openSigningKeys({ store, masterKeys, logger, feed, now: () => nowMs });
  closers.push(() => opened.close());
  return opened;
}

async function work(): Promise<number> {
  for (let steps = 0; ; steps += 1) {
    const rotation = { masterKeys: database.masterKeys, schedule, nowMs };
    if (!(await store.withSystem((em) => advanceSigningKeys(em, rotation)))) return steps;
  }
}

const rotate = () =>
  rotateSigningKey({ store, masterKeys: database.masterKeys }, systemActor, nowMs);

const phases = async () => (await listSigningKeys(store)).map(({ phase }) => phase);

const kids = (ring: OpenSigningKeys) => ring.publicJwks().keys.map(({ kid }) => kid ?? '');

async function sign(ring: OpenSigningKeys): Promise<string> {
  const { kid, privateKey } = await ring.current();
  return new SignJWT({}).setProtectedHeader({ alg: 'EdDSA', kid }).sign(privateKey);
}

/** Whether a token is good by what the ring publishes. */
async function isGood(token: string, ring: OpenSigningKeys): Promise<boolean> {
  const published = createLocalJWKSet(ring.publicJwks() as JSONWebKeySet);
  return jwtVerify(token, published, { algorithms: ['EdDSA'] }).then(
    () => true,
    () => false,
  );
}

/** Resolves when each replica publishes so many keys. */
async function untilHeard(count: number, ...rings: readonly OpenSigningKeys[]): Promise<void> {
  await eventually(
    () => rings.map((ring) => kids(ring).length),
    (lengths) => lengths.every((length) => length === count),
  );
}

describe('rotating the key that signs access tokens', () => {
  test('publishes the new one before it signs, and keeps the old one until its tokens are past', async () => {
    const replica = await open();
    const first = await keys.current();
    const before = await sign(keys);
    expect(await rotate()).toMatchObject({ ok: true, value: { phase: 'published' } });
    await untilHeard(2, keys, replica);
    expect((await replica.current()).kid).toBe(first.kid);
    expect(await work()).toBe(0);

    nowMs += hourMs;
    expect(await work()).toBe(1);
    for (const ring of [keys, replica]) {
      await eventually(
        async () => (await ring.current()).kid,
        (kid) => kid !== first.kid,
      );
    }
    expect(await phases()).toEqual(['retired', 'active']);
    const after = await sign(keys);
    for (const token of [before, after]) expect(await isGood(token, replica)).toBe(true);
    expect(await replica.publicKey(first.kid)).toBeDefined();

    nowMs += signingKeyRetentionMs - 1;
    expect(await work()).toBe(0);
    nowMs += 1;
    expect(await work()).toBe(1);
    await untilHeard(1, keys, replica);
    expect(await isGood(before, replica)).toBe(false);
    expect(await replica.publicKey(first.kid)).toBeUndefined();
    expect(await isGood(after, replica)).toBe(true);
  });

  test('shows public halves only', async () => {
    await rotate();
    await untilHeard(2, keys);
    for (const jwk of keys.publicJwks().keys) {
      expect(Object.keys(jwk).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x']);
    }
  });

  test('waits until connected nodes, of whichever group, have the new key', async () => {
    await rotate();
    await store.withSystem((em) =>
      em.execute(
        `insert into nodes (id, node_group_id, name, connected, applied_revision)
         select ?::uuid, id, 'behind', true, 0 from node_groups`,
        [randomUUID()],
      ),
    );
    nowMs += hourMs;
    expect(await work()).toBe(0);
    await store.withSystem((em) =>
      em.execute('update nodes set applied_revision = (select revision from platform_state)'),
    );
    expect(await work()).toBe(1);
  });

  test('happens by itself after 90 days, once, however many workers there are', async () => {
    expect(await work()).toBe(0);
    nowMs += 90 * dayMs + 1000;
    const steps = await Promise.all([work(), work(), work()]);
    expect(steps.reduce((sum, count) => sum + count)).toBe(1);
    expect(await phases()).toEqual(['active', 'published']);
  });

  test('is under way once, however often it is asked for', async () => {
    const asked = await Promise.all([rotate(), rotate(), rotate()]);
    const published = asked.map((outcome) => (outcome.ok ? outcome.value.kid : undefined));
    expect(new Set(published).size).toBe(1);
    expect(await phases()).toEqual(['active', 'published']);
  });

  test('leaves a replica that can’t read the new key with the one that it knows', async () => {
    const stranger = new MasterKeyRing(new MasterKey(Buffer.alloc(32, 9)));
    await rotateSigningKey({ store, masterKeys: stranger }, systemActor, nowMs);
    await untilHeard(2, keys);
    const { kid } = await keys.current();
    nowMs += hourMs;
    await work();
    const published = kids(keys).find((other) => other !== kid) ?? '';
    expect(await keys.publicKey(published)).toBeDefined();
    expect((await keys.current()).kid).toBe(kid);
    await expect(open()).rejects.toThrow(stranger.current.id);
  });
});
