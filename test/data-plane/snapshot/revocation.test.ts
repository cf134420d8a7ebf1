import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { contracts } from '../../../common/contracts.ts';
import type {
  RevocableToken,
  RevocationEntry,
  RevokedTokens,
} from '../../../data-plane/snapshot/revocation.ts';
import { decodeRevocation } from '../../../data-plane/snapshot/revocation-decoder.ts';
import { RevocationIndex } from '../../../data-plane/snapshot/revocation-index.ts';
import type { RevocationInput } from '../../../proto/gen/mcpgw/resources/v1/Revocation.ts';

const good: RevocationInput = {
  id: 'r1',
  organizationId: 'acme',
  sessionId: 's1',
  expiresAtMs: 2_000,
};

function decode(fields: RevocationInput, name = 'r1', organizationId = 'acme') {
  const body = contracts.resources.Revocation.serialize(fields);
  return decodeRevocation({ name, scope: { organizationId, serverIds: [] }, body });
}

describe('a revocation', () => {
  test.each<[RevokedTokens, RevocationInput]>([
    [{ kind: 'session', sessionId: 's1' }, good],
    [
      { kind: 'token', tokenId: 'j' },
      { ...good, sessionId: '', tokenId: 'j' },
    ],
    [
      { kind: 'subject', subject: 'user:1', issuedBeforeMs: 7 },
      { ...good, sessionId: '', subject: 'user:1', issuedBeforeMs: 7 },
    ],
  ])('of %j is decoded', (tokens, fields) => {
    const decoded = decode(fields);
    expect(decoded.ok && decoded.value).toEqual({
      id: 'r1',
      organizationId: 'acme',
      tokens,
      expiresAtMs: 2_000,
    });
  });

  test.each<[string, RevocationInput]>([
    ['that covers nothing', { ...good, sessionId: '' }],
    ['that covers two things', { ...good, tokenId: 'j' }],
    ['of a subject at no time', { ...good, sessionId: '', subject: 'user:1' }],
    ['of a session at some time', { ...good, issuedBeforeMs: 7 }],
    ['that never ends', { ...good, expiresAtMs: 0 }],
    ['of another name', { ...good, id: 'r2' }],
    ['of another organization', { ...good, organizationId: 'globex' }],
    ['whose subject is too long', { ...good, sessionId: 'x'.repeat(601) }],
  ])('%s is refused', (_, fields) => {
    expect(decode(fields).ok).toBe(false);
  });
});

const few = fc.constantFrom('a', 'b');
const time = fc.integer({ min: 1, max: 5 });
const revoked: fc.Arbitrary<RevokedTokens> = fc.oneof(
  fc.record({ kind: fc.constant('subject' as const), subject: few, issuedBeforeMs: time }),
  fc.record({ kind: fc.constant('token' as const), tokenId: few }),
  fc.record({ kind: fc.constant('session' as const), sessionId: few }),
);
const entry: fc.Arbitrary<RevocationEntry> = fc.record({
  id: fc.uuid(),
  organizationId: few,
  tokens: revoked,
  expiresAtMs: time,
});
const token: fc.Arbitrary<RevocableToken> = fc.record({
  organizationId: few,
  subject: few,
  issuedAtMs: time,
  tokenId: fc.option(few, { nil: undefined }),
  sessionId: fc.option(few, { nil: undefined }),
});

function isCovered(entries: readonly RevocationEntry[], asked: RevocableToken, nowMs: number) {
  return entries.some(({ organizationId, tokens, expiresAtMs }) => {
    if (organizationId !== asked.organizationId || expiresAtMs <= nowMs) return false;
    if (tokens.kind === 'token') return tokens.tokenId === asked.tokenId;
    if (tokens.kind === 'session') return tokens.sessionId === asked.sessionId;
    return tokens.subject === asked.subject && asked.issuedAtMs < tokens.issuedBeforeMs;
  });
}

test('the index knows what a list of all that is in force would say', () => {
  const step = fc.record({ entry, removed: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), token, time, (steps, asked, nowMs) => {
      let index = new RevocationIndex();
      let entries: RevocationEntry[] = [];
      for (const { entry: next, removed } of steps) {
        const editor = index.edit();
        editor.add(next);
        entries.push(next);
        const [oldest] = entries;
        if (removed && oldest !== undefined) {
          editor.remove(oldest);
          entries = entries.slice(1);
        }
        index = editor.finish();
      }
      expect(index.covers(asked, nowMs)).toBe(isCovered(entries, asked, nowMs));
    }),
    { numRuns: 500 },
  );
});

test('an edit leaves the index before it as it was', () => {
  const before = new RevocationIndex();
  const editor = before.edit();
  editor.add({
    id: 'r',
    organizationId: 'a',
    tokens: { kind: 'session', sessionId: 's' },
    expiresAtMs: 10,
  });
  const asked = { organizationId: 'a', subject: 'x', issuedAtMs: 0, tokenId: undefined };
  expect(editor.finish().covers({ ...asked, sessionId: 's' }, 1)).toBe(true);
  expect(before.covers({ ...asked, sessionId: 's' }, 1)).toBe(false);
  expect(before.edit().finish()).toBe(before);
});
