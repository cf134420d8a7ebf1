import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import {
  type AuditEntry,
  auditEntryHash,
  commitment,
  genesisHash,
  platformChainId,
  type StoredAuditEntry,
  verifyAuditChain,
} from '../../../control-plane/audit/audit-chain.ts';

function entry(sequence: number, previousHash: Uint8Array, chainId: string): StoredAuditEntry {
  const salts = [randomBytes(16), randomBytes(16), randomBytes(16)] as const;
  const privateDetails = { address: '192.0.2.1' };
  const covered: AuditEntry = {
    chainId,
    sequence,
    id: `00000000-0000-7000-8000-${String(sequence).padStart(12, '0')}`,
    revision: sequence,
    at: new Date(1_700_000_000_000 + sequence),
    action: 'server.update',
    actorKind: 'user',
    actorId: 'u1',
    actorLabelCommitment: commitment(salts[0], 'someone@example.com'),
    targetType: 'server',
    targetId: 's1',
    targetLabelCommitment: commitment(salts[1], 'files'),
    details: { fields: ['name'] },
    privateDetailsCommitment: commitment(salts[2], privateDetails),
    previousHash,
  };
  return {
    ...covered,
    hash: auditEntryHash(covered),
    actorLabel: 'someone@example.com',
    actorLabelSalt: salts[0],
    targetLabel: 'files',
    targetLabelSalt: salts[1],
    privateDetails,
    privateDetailsSalt: salts[2],
  };
}

function chain(length: number, chainId = platformChainId): StoredAuditEntry[] {
  const entries: StoredAuditEntry[] = [];
  let previous: Uint8Array = genesisHash;
  for (let sequence = 1; sequence <= length; sequence += 1) {
    const next = entry(sequence, previous, chainId);
    entries.push(next);
    previous = next.hash;
  }
  return entries;
}

const verify = (entries: StoredAuditEntry[]) => verifyAuditChain(platformChainId, entries);

function changed(entries: StoredAuditEntry[], at: number, change: Partial<StoredAuditEntry>) {
  return entries.map((item, index) => (index === at ? { ...item, ...change } : item));
}

/** The same change by somebody who also makes the entry's own hash right again. */
function rehashed(entries: StoredAuditEntry[], at: number, change: Partial<StoredAuditEntry>) {
  return changed(entries, at, change).map((item, index) =>
    index === at ? { ...item, hash: auditEntryHash(item) } : item,
  );
}

describe('an audit chain', () => {
  test('verifies, as a whole and from a part on', async () => {
    const entries = chain(5);
    const whole = await verify(entries);
    expect(whole).toMatchObject({ ok: true, head: { sequence: 5 } });
    const start = await verify(entries.slice(0, 2));
    if (!start.ok) throw new Error('The first part does not verify.');
    const rest = await verifyAuditChain(platformChainId, entries.slice(2), { after: start.head });
    expect(rest).toEqual(whole);
  });

  const changes: [string, Partial<StoredAuditEntry>][] = [
    ['an action', { action: 'server.delete' }],
    ['an actor', { actorId: 'u2' }],
    ['an actor’s kind', { actorKind: 'system' }],
    ['a target', { targetId: 's2' }],
    ['a target’s type', { targetType: 'user' }],
    ['a time', { at: new Date(0) }],
    ['a revision', { revision: null }],
    ['an id', { id: '00000000-0000-7000-8000-ffffffffffff' }],
    ['details', { details: { fields: ['name', 'url'] } }],
  ];

  test.each(changes)('shows that %s was changed', async (_, change) => {
    expect(await verify(changed(chain(4), 1, change))).toEqual({
      ok: false,
      sequence: 2,
      problem: 'hash_differs',
    });
  });

  test.each(changes)(
    'shows that %s was changed and the entry’s hash with it',
    async (_, change) => {
      expect(await verify(rehashed(chain(4), 1, change))).toEqual({
        ok: false,
        sequence: 3,
        problem: 'previous_hash_differs',
      });
    },
  );

  test.each([
    ['a label', { actorLabel: 'other@example.com' }],
    ['a target’s label', { targetLabel: 'other' }],
    ['private details', { privateDetails: { address: '192.0.2.2' } }],
    ['a label without its salt', { actorLabelSalt: null }],
  ] as [string, Partial<StoredAuditEntry>][])('shows that %s was changed', async (_, change) => {
    expect(await verify(changed(chain(3), 1, change))).toMatchObject({
      ok: false,
      sequence: 2,
      problem: 'commitment_differs',
    });
  });

  test('verifies on after labels and private details were erased with their salts', async () => {
    const erased = changed(chain(3), 1, {
      actorLabel: null,
      actorLabelSalt: null,
      targetLabel: null,
      targetLabelSalt: null,
      privateDetails: null,
      privateDetailsSalt: null,
    });
    expect(await verify(erased)).toMatchObject({ ok: true });
  });

  test('shows a removed, an inserted and a reordered entry', async () => {
    const entries = chain(4);
    const [first, second, third, fourth] = entries;
    if (!first || !second || !third || !fourth) throw new Error('The chain is too short.');
    expect(await verify([first, third, fourth])).toMatchObject({
      sequence: 3,
      problem: 'sequence_broken',
    });
    const planted = entry(3, second.hash, platformChainId);
    expect(await verify([first, second, planted, third, fourth])).toMatchObject({
      sequence: 3,
      problem: 'sequence_broken',
    });
    expect(await verify([first, second, planted, fourth])).toMatchObject({
      sequence: 4,
      problem: 'previous_hash_differs',
    });
    expect(await verify([first, third, second, fourth])).toMatchObject({
      sequence: 3,
      problem: 'sequence_broken',
    });
  });

  test('shows a cut tail against a head that was kept', async () => {
    const entries = chain(4);
    const whole = await verify(entries);
    if (!whole.ok) throw new Error('The chain does not verify.');
    const cut = verifyAuditChain(platformChainId, entries.slice(0, 3), { head: whole.head });
    expect(await cut).toEqual({ ok: false, sequence: 4, problem: 'head_differs' });
  });

  test('takes no entry of another chain', async () => {
    const other = '01900000-0000-7000-8000-000000000000';
    expect(await verify(chain(2, other))).toMatchObject({ sequence: 1, problem: 'foreign_entry' });
    const relabelled = chain(2, other).map((item) => ({ ...item, chainId: platformChainId }));
    expect(await verify(relabelled)).toMatchObject({ sequence: 1, problem: 'hash_differs' });
  });
});

test('commitments to the same value differ, so that likely values can’t be looked up', () => {
  expect(commitment(randomBytes(16), 'x')).not.toEqual(commitment(randomBytes(16), 'x'));
});
