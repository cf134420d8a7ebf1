import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type CredentialKind,
  credentialId,
  credentialMatches,
  hashCredential,
  newCredential,
} from '../../common/credential.ts';

const kinds: CredentialKind[] = ['apiKey', 'nodeToken', 'refreshToken', 'oneTimeToken'];

describe('credentials', () => {
  test.each(kinds)('a new %s is found by its id and matches only its own hash', (kind) => {
    const first = newCredential(kind);
    const second = newCredential(kind);
    expect(credentialId(kind, first.text)).toBe(first.id);
    expect(credentialMatches(first.text, first.hash)).toBe(true);
    expect(credentialMatches(second.text, first.hash)).toBe(false);
  });

  test('kinds are not taken for one another', () => {
    expect(credentialId('nodeToken', newCredential('apiKey').text)).toBeUndefined();
    expect(credentialId('apiKey', newCredential('nodeToken').text)).toBeUndefined();
  });

  test('any single mistyped character is refused by the checksum', () => {
    const { text } = newCredential('apiKey');
    fc.assert(
      fc.property(
        fc.nat({ max: text.length - 1 }),
        fc.constantFrom(...'0aZ_-x~9'),
        (position, letter) => {
          fc.pre(text[position] !== letter);
          const typed = text.slice(0, position) + letter + text.slice(position + 1);
          expect(credentialId('apiKey', typed)).toBeUndefined();
        },
      ),
    );
  });

  test('arbitrary text is never taken for a credential and never throws', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 80 }), (text) => {
        expect(credentialId('apiKey', text)).toBeUndefined();
      }),
    );
  });

  test('a hash of another length does not match', () => {
    const { text } = newCredential('apiKey');
    expect(credentialMatches(text, hashCredential(text).subarray(1))).toBe(false);
  });
});
