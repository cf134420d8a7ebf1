import { expect, test } from '@jest/globals';
import { createAttemptLimit } from '../../../control-plane/identity/attempt-limit.ts';

function limit(keysMax = 10) {
  let nowMs = 0;
  const attempts = createAttemptLimit({
    failuresMax: 2,
    windowMs: 1000,
    keysMax,
    now: () => nowMs,
  });
  return {
    attempts,
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}

test('a key is closed after its failures until the window ends', () => {
  const { attempts, pass } = limit();
  attempts.failed('a');
  expect(attempts.retryAfterMs('a')).toBe(0);
  pass(400);
  attempts.failed('a');
  expect(attempts.retryAfterMs('a')).toBe(600);
  expect(attempts.retryAfterMs('b')).toBe(0);
  pass(600);
  expect(attempts.retryAfterMs('a')).toBe(0);
});

test('a success forgets the failures', () => {
  const { attempts } = limit();
  attempts.failed('a');
  attempts.succeeded('a');
  attempts.failed('a');
  expect(attempts.retryAfterMs('a')).toBe(0);
});

test('no more keys are remembered than allowed', () => {
  const { attempts } = limit(2);
  for (const key of ['a', 'a', 'b', 'c']) attempts.failed(key);
  expect(attempts.retryAfterMs('a')).toBe(0);
});
