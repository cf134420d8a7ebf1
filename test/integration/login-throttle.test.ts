import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  faultOf,
  login,
  makeUser,
  metric,
  type Sender,
  trustsTheTest,
  tryLogin,
} from '../support/people.ts';
import {
  type GraphqlHarness,
  openHarness,
  operatorEmail,
  password,
  type Replica,
} from './graphql-harness.ts';

let harness: GraphqlHarness;
let one: Replica;
let other: Replica;
let operator: Sender;
let people = 0;
let strangers = 0;

const bounds = { accountFailuresMax: 3, addressFailuresMax: 5, loginBlockMsMax: 8000 };

beforeAll(async () => {
  harness = await openHarness();
  one = await harness.replica({ bounds, settings: trustsTheTest });
  other = await harness.replica({ bounds, settings: trustsTheTest });
  const { accessToken } = await login({ url: one.url }, operatorEmail, password);
  operator = { url: one.url, token: accessToken };
});

afterAll(() => harness.close());

async function newPerson(): Promise<string> {
  people += 1;
  const email = `person-${people}@example.com`;
  await makeUser(operator, email, password);
  return email;
}

/** An address that nobody used before. */
function newAddress(): string {
  strangers += 1;
  return `198.18.${strangers >> 8}.${strangers & 255}`;
}

const from = (address: string, { url }: Replica = one): Sender => ({ url, address });

async function fail(email: string, sender: Sender, times: number): Promise<(string | undefined)[]> {
  const faults: (string | undefined)[] = [];
  for (let attempt = 0; attempt < times; attempt += 1) {
    faults.push(faultOf(await tryLogin(sender, email, 'not the password')));
  }
  return faults;
}

async function retryAfterSeconds(sender: Sender, email: string): Promise<number | undefined> {
  const { errors } = await tryLogin(sender, email, password);
  return errors[0]?.extensions.retryAfterSeconds;
}

describe('failed log-ins', () => {
  test('block an account for strangers, at every replica, and count', async () => {
    const email = await newPerson();
    const before = await metric(other.url, 'mcpgw_logins_total{outcome="limited"}');
    for (const replica of [one, other, one]) {
      expect(await fail(email, from(newAddress(), replica), 1)).toEqual(['LOGIN_FAILED']);
    }
    expect(faultOf(await tryLogin(from(newAddress(), other), email, password))).toBe(
      'TOO_MANY_ATTEMPTS',
    );
    expect(await metric(other.url, 'mcpgw_logins_total{outcome="limited"}')).toBe(before + 1);
    harness.clock.nowMs += 1000;
    expect((await tryLogin(from(newAddress(), other), email, password)).errors).toEqual([]);
    // The right password lets the account start anew.
    expect(await fail(email, from(newAddress()), 2)).toEqual(['LOGIN_FAILED', 'LOGIN_FAILED']);
  });

  test('block an unknown account alike', async () => {
    const email = 'nobody-at-all@example.com';
    for (let attempt = 0; attempt < 3; attempt += 1) await fail(email, from(newAddress()), 1);
    expect(await retryAfterSeconds(from(newAddress()), email)).toBe(1);
  });

  test('wait longer each time, up to the cap', async () => {
    const email = await newPerson();
    for (let attempt = 0; attempt < 3; attempt += 1) await fail(email, from(newAddress()), 1);
    const waits: (number | undefined)[] = [];
    for (let attempt = 0; attempt < 6; attempt += 1) {
      const seconds = await retryAfterSeconds(from(newAddress()), email);
      waits.push(seconds);
      harness.clock.nowMs += (seconds ?? 0) * 1000;
      await fail(email, from(newAddress()), 1);
    }
    expect(waits).toEqual([1, 2, 4, 8, 8, 8]);
  });

  test('of strangers don’t lock a person out of where they usually are', async () => {
    const email = await newPerson();
    const home = newAddress();
    await login(from(home), email, password);
    for (let attempt = 0; attempt < 4; attempt += 1) await fail(email, from(newAddress()), 1);
    expect(faultOf(await tryLogin(from(newAddress()), email, password))).toBe('TOO_MANY_ATTEMPTS');
    expect((await tryLogin(from(home), email, password)).errors).toEqual([]);
  });

  test('from where a person usually is block by address all the same', async () => {
    const email = await newPerson();
    const home = newAddress();
    await login(from(home), email, password);
    const faults = await fail(email, from(home), 7);
    expect(faults.filter((fault) => fault === 'LOGIN_FAILED')).toHaveLength(5);
    expect(faults.slice(5)).toEqual(['TOO_MANY_ATTEMPTS', 'TOO_MANY_ATTEMPTS']);
  });

  test('block an address whatever the account, and a right password is no way out', async () => {
    const email = await newPerson();
    const address = newAddress();
    for (let attempt = 0; attempt < 4; attempt += 1) {
      await fail(`guess-${strangers}-${attempt}@example.com`, from(address), 1);
    }
    await login(from(address), email, password);
    await fail(`guess-${strangers}-last@example.com`, from(address), 1);
    expect(await retryAfterSeconds(from(address), email)).toBe(1);
    harness.clock.nowMs += 1000;
    await login(from(address), email, password);
    await fail(`guess-${strangers}-again@example.com`, from(address), 1);
    // As if the log-in between had not been.
    expect(await retryAfterSeconds(from(address), email)).toBe(2);
  });

  test('count for a whole network of IPv6', async () => {
    const email = await newPerson();
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      await fail(`v6-${attempt}@example.com`, from(`2001:db8:77:1::${attempt}`), 1);
    }
    expect(faultOf(await tryLogin(from('2001:db8:77:1:ffff::1'), email, password))).toBe(
      'TOO_MANY_ATTEMPTS',
    );
    expect((await tryLogin(from('2001:db8:77:2::1'), email, password)).errors).toEqual([]);
  });

  test('are no more when many come at once', async () => {
    const email = await newPerson();
    const attempts = Array.from({ length: 12 }, (_, index) =>
      fail(email, from(newAddress(), index % 2 === 0 ? one : other), 1),
    );
    const faults = (await Promise.all(attempts)).flat();
    expect(faults.filter((fault) => fault === 'LOGIN_FAILED')).toHaveLength(3);
    expect(faults.filter((fault) => fault === 'TOO_MANY_ATTEMPTS')).toHaveLength(9);
  });

  test('are remembered under a keyed hash: the table names nobody', async () => {
    const email = await newPerson();
    await fail(email, from('198.51.100.250'), 1);
    const system = await harness.database.connect('system');
    const { rows } = await system.query<{ key: Buffer }>('select key from login_throttles');
    for (const { key } of rows) {
      for (const text of [email, `account\0${email}`, 'address\u0000198.51.100.250']) {
        expect(key.equals(createHash('sha256').update(text).digest())).toBe(false);
      }
    }
  });
});
