import type { LookupAddress, lookup } from 'node:dns';
import { describe, expect, test } from '@jest/globals';
import { publicLookup } from '../../common/public-lookup.ts';

type Found = readonly [Error | null, string | LookupAddress[], (number | undefined)?];

/** A resolver that gives these addresses, and then others to whoever asks again. */
function resolver(...answers: readonly (readonly string[] | Error)[]): typeof lookup {
  let asked = 0;
  const resolve = (
    _name: string,
    _options: object,
    callback: (error: Error | null, addresses: LookupAddress[]) => void,
  ) => {
    const answer = answers[asked] ?? [];
    asked += 1;
    if (answer instanceof Error) callback(answer, []);
    else {
      const family = (address: string) => (address.includes(':') ? 6 : 4);
      callback(
        null,
        answer.map((address) => ({ address, family: family(address) })),
      );
    }
  };
  return resolve as typeof lookup;
}

function find(resolve: typeof lookup, all: boolean): Promise<Found> {
  return new Promise((done) => {
    publicLookup(resolve)('upstream.test', { all }, (...result) => done(result));
  });
}

describe('a name', () => {
  test('resolves to its public addresses alone', async () => {
    const addresses = ['10.0.0.1', '1.1.1.1', '::1', '2606:4700::1111', '169.254.169.254'];
    expect(await find(resolver(addresses), true)).toEqual([
      null,
      [
        { address: '1.1.1.1', family: 4 },
        { address: '2606:4700::1111', family: 6 },
      ],
    ]);
    expect(await find(resolver(addresses), false)).toEqual([null, '1.1.1.1', 4]);
  });

  test('is resolved once: what was checked is what is connected to', async () => {
    expect(await find(resolver(['1.1.1.1'], ['127.0.0.1']), true)).toMatchObject([
      null,
      [{ address: '1.1.1.1' }],
    ]);
  });

  test.each([['127.0.0.1'], ['169.254.169.254'], ['::ffff:10.0.0.1'], ['fd00::1']])(
    'that has no address but %s is refused',
    async (address) => {
      for (const all of [true, false]) {
        expect((await find(resolver([address]), all))[0]).toMatchObject({
          code: 'ERR_ADDRESS_NOT_ALLOWED',
        });
      }
    },
  );

  test('that can’t be resolved fails as it does', async () => {
    const failure = new Error('ENOTFOUND');
    expect((await find(resolver(failure), true))[0]).toBe(failure);
  });
});
