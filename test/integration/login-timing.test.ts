import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { login, makeUser, mutate, tryLogin } from '../support/people.ts';
import {
  type GraphqlHarness,
  openHarness,
  operatorEmail,
  password,
  type Replica,
} from './graphql-harness.ts';

/** Far more failures than the test makes: the limiter stays out of it. */
const failuresMax = 1_000_000;
const roundsMin = 40;
const roundsMax = 200;
const toleratedShare = 0.1;

let harness: GraphqlHarness;
let replica: Replica;

beforeAll(async () => {
  harness = await openHarness();
  replica = await harness.replica({
    bounds: { accountFailuresMax: failuresMax, addressFailuresMax: failuresMax },
  });
  const { accessToken } = await login({ url: replica.url }, operatorEmail, password);
  const operator = { url: replica.url, token: accessToken };
  await makeUser(operator, 'known@example.com', password);
  const id = await makeUser(operator, 'disabled@example.com', password);
  await mutate(operator, 'updateUser', { id, version: 1, disabled: true }, 'user { id }');
  await makeUser(operator, 'passwordless@example.com', password);
  const system = await harness.database.connect('system');
  await system.query(
    `update users set password_hash = null where email = 'passwordless@example.com'`,
  );
});

afterAll(() => harness.close());

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

const emails = ['known', 'unknown', 'disabled', 'passwordless'].map(
  (name) => `${name}@example.com`,
);

test('a refused log-in takes as long for an account that is there as for one that is not', async () => {
  const samples = new Map<string, number[]>(emails.map((email) => [email, []]));
  const spread = () => {
    const known = median(samples.get('known@example.com') ?? []);
    return emails.map((email) => Math.abs(median(samples.get(email) ?? []) / known - 1));
  };
  // Interleaved, each round in another order: what else the machine does meets all alike. Where the
  // medians are still apart after the first rounds, more samples say whether that was noise.
  for (let round = 0; round < roundsMax; round += 1) {
    if (round >= roundsMin && Math.max(...spread()) < 0.7 * toleratedShare) break;
    for (let place = 0; place < emails.length; place += 1) {
      const email = emails[(place + round) % emails.length] ?? '';
      const startMs = performance.now();
      const { errors } = await tryLogin({ url: replica.url }, email, 'not the password');
      samples.get(email)?.push(performance.now() - startMs);
      expect(errors.map(({ extensions }) => extensions.code)).toEqual(['LOGIN_FAILED']);
    }
  }
  for (const share of spread()) expect(share).toBeLessThan(toleratedShare);
}, 240_000);
