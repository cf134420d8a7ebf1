import { describe, expect, test } from '@jest/globals';
import { hashPassword, verifyPassword } from '../../../control-plane/identity/password.ts';
import {
  createPasswordDesk,
  PasswordWorkExhausted,
} from '../../../control-plane/identity/password-desk.ts';

describe('passwords', () => {
  test('are hashed with a salt of their own and verified', async () => {
    const [one, two] = await Promise.all([hashPassword('a password'), hashPassword('a password')]);
    expect(one).toMatch(
      /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/,
    );
    expect(one).not.toBe(two);
    expect(await verifyPassword('a password', one)).toBe(true);
    expect(await verifyPassword('a passwore', one)).toBe(false);
  });

  test('are the same however a letter is composed', async () => {
    const hash = await hashPassword('caf\u00e9 caf\u00e9');
    expect(await verifyPassword('cafe\u0301 cafe\u0301', hash)).toBe(true);
  });

  test('verify against the reference implementation’s encoding', async () => {
    // `echo -n password | argon2 somesalt -id -t 2 -k 65536 -p 1 -e` of the reference implementation.
    const reference =
      '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc';
    expect(await verifyPassword('password', reference)).toBe(true);
  });

  test.each([
    '',
    'plain',
    '$argon2id$v=19$m=9999999,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
    '$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
  ])('never match the stored text %s', async (stored) => {
    expect(await verifyPassword('password', stored)).toBe(false);
  });
});

describe('the password desk', () => {
  test('never lets an account in that does not exist', async () => {
    const desk = createPasswordDesk({ concurrencyMax: 1, waitingMax: 1 });
    expect(await desk.verify('no account has this password', undefined)).toBe(false);
  });

  test('refuses when too many wait, and goes on afterwards', async () => {
    const desk = createPasswordDesk({ concurrencyMax: 1, waitingMax: 1 });
    const results = await Promise.allSettled(
      Array.from({ length: 4 }, () => desk.hash('some password')),
    );
    expect(results.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'rejected',
    ]);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(PasswordWorkExhausted);
    }
    expect(await desk.hash('some password')).toMatch(/^\$argon2id/);
  });
});
