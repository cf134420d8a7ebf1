import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeCursor, encodeCursor, validatePage } from '../../../control-plane/input/page.ts';
import {
  validateEmail,
  validateName,
  validatePassword,
  validateSlug,
} from '../../../control-plane/input/text-rules.ts';

const bounds = { pageSizeDefault: 25, pageSizeMax: 100 };

describe('cursors', () => {
  test('come back as they were made', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ maxLength: 40 }), { minLength: 1, maxLength: 3 }),
        (keys) => {
          expect(decodeCursor(encodeCursor(keys), keys.length)).toEqual(keys);
          expect(decodeCursor(encodeCursor(keys), keys.length + 1)).toBeUndefined();
        },
      ),
    );
  });

  test('of any other text are none', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const keys = decodeCursor(text, 1);
        expect(keys === undefined || keys.length === 1).toBe(true);
      }),
    );
    expect(decodeCursor('x'.repeat(513), 1)).toBeUndefined();
    expect(decodeCursor(Buffer.from('[1]').toString('base64url'), 1)).toBeUndefined();
  });
});

test.each([
  [{ first: 0 }, 0],
  [{ first: 100 }, 0],
  [{ first: 101 }, 1],
  [{ last: -1 }, 1],
  [{ first: 1.5 }, 1],
  [{ first: null, last: 3 }, 0],
  [{ first: 3, before: 'x' }, 1],
  [{ after: 'x', last: 1 }, 1],
])('%j has %d violations', (page, count) => {
  expect(validatePage(page, bounds)).toHaveLength(count);
});

describe('texts', () => {
  test.each([
    ['a', []],
    ['a-b-9', []],
    ['', ['REQUIRED']],
    ['-a', ['INVALID_FORMAT']],
    ['a-', ['INVALID_FORMAT']],
    ['A', ['INVALID_FORMAT']],
    ['a\n', ['INVALID_FORMAT']],
    ['a'.repeat(63), []],
    ['a'.repeat(64), ['TOO_LONG']],
  ])('slug %j', (slug, codes) => {
    expect(validateSlug('slug', slug).map(({ code }) => code)).toEqual(codes);
  });

  test.each([
    ['x', []],
    ['  ', ['REQUIRED']],
    ['a\u0000b', ['INVALID_FORMAT']],
    ['a\ud800', ['INVALID_FORMAT']],
    ['x'.repeat(201), ['TOO_LONG']],
  ])('name %j', (name, codes) => {
    expect(validateName('name', name).map(({ code }) => code)).toEqual(codes);
  });

  test.each([
    ['a@b', []],
    [' A@Example.COM ', []],
    ['a', ['INVALID_FORMAT']],
    ['a@b@c', ['INVALID_FORMAT']],
    ['a b@c', ['INVALID_FORMAT']],
    ['', ['REQUIRED']],
    [`${'a'.repeat(250)}@b.com`, ['TOO_LONG']],
  ])('e-mail %j', (email, codes) => {
    expect(validateEmail('email', email).map(({ code }) => code)).toEqual(codes);
  });

  test.each([
    ['short', ['TOO_SHORT']],
    ['long enough!', []],
    ['x'.repeat(257), ['TOO_LONG']],
  ])('password %j', (password, codes) => {
    expect(validatePassword('password', password).map(({ code }) => code)).toEqual(codes);
  });
});
