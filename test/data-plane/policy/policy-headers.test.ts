import { expect, test } from '@jest/globals';
import { readPolicyHeaders } from '../../../data-plane/policy/policy-headers.ts';

const raw = ['X-Team', 'data', 'Authorization', 'Bearer s', 'x-team', 'ops', 'X-Other', '1'];

function read(...allowed: string[]): Record<string, string> {
  return Object.fromEntries(readPolicyHeaders(raw, allowed));
}

test('reads what is allowed, by name in lower case, joined where it stands more often', () => {
  expect(read('x-team', 'x-missing')).toEqual({ 'x-team': 'data, ops' });
  expect(read()).toEqual({});
});

test.each(['authorization', 'cookie', 'proxy-authorization', 'mcp-session-id'])(
  'never reads %s, whatever is allowed',
  (name) => {
    expect(readPolicyHeaders([name, 'secret'], [name]).size).toBe(0);
  },
);

test('cuts a long value', () => {
  const long = readPolicyHeaders(['x-a', 'v'.repeat(5000)], ['x-a']);
  expect(long.get('x-a')).toHaveLength(1024);
});
