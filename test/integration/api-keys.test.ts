import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { credentialId } from '../../common/credential.ts';
import { type KeyAnswer, type ShownKey, Tenant, unique } from './automation-api.ts';
import { type GraphqlHarness, openHarness, type Replica } from './graphql-harness.ts';

let harness: GraphqlHarness;
let replica: Replica;
let tenant: Tenant;

beforeAll(async () => {
  harness = await openHarness();
  replica = await harness.replica();
  tenant = await Tenant.create(harness, replica);
  await tenant.server('files');
});

afterAll(() => harness.close());

const daySeconds = 24 * 60 * 60;

function refused(name: string, input: object, caller = tenant.owner) {
  return caller.errorsOf(name, { organizationId: tenant.id, ...input });
}

function named({ id, version }: { readonly id: string; readonly version: number }) {
  return { organizationId: tenant.id, id, version };
}

async function shown(id: string): Promise<ShownKey> {
  const { apiKey } = await tenant.owner.query<{ apiKey: ShownKey }>(
    'query($o: ID!, $id: ID!) { apiKey(organizationId: $o, id: $id) { id keyId version subject scopes expiresAt revokedAt replacedBy } }',
    { o: tenant.id, id },
  );
  return apiKey;
}

async function rotate(key: ShownKey, fields: object): Promise<{ text: string; record: ShownKey }> {
  const input = { ...named(key), ...fields };
  const answer = await tenant.owner.mutate<KeyAnswer>('rotateApiKey', input);
  if (answer.key === null || answer.apiKey === null) throw new Error(JSON.stringify(answer));
  return { text: answer.key, record: answer.apiKey };
}

function later(seconds: number): Date {
  return new Date(harness.clock.nowMs + seconds * 1000);
}

describe('whom a key acts for', () => {
  test('is a member or a service account, and exactly one', async () => {
    const account = await tenant.account();
    const { userId } = await tenant.member({ role: 'DEVELOPER' });
    const label = 'key';
    expect(await refused('createApiKey', { label })).toEqual(['serviceAccountId REQUIRED']);
    const both = { label, userId, serviceAccountId: account.id };
    expect(await refused('createApiKey', both)).toEqual(['serviceAccountId NOT_ALLOWED']);
    for (const id of [crypto.randomUUID(), 'no id']) {
      expect(await refused('createApiKey', { label, serviceAccountId: id })).toEqual([
        'serviceAccountId NOT_FOUND',
      ]);
      expect(await refused('createApiKey', { label, userId: id })).toEqual(['userId NOT_FOUND']);
    }
    expect(await refused('createApiKey', { label, userId })).toEqual([]);
  });

  test('is nobody who may do more than whoever creates, changes or replaces the key', async () => {
    const admin = await tenant.account({ role: 'ADMIN' });
    const { caller, userId } = await tenant.member({ role: 'DEVELOPER' });
    const other = await tenant.member({ role: 'AGENT' });
    const label = 'key';
    expect(await refused('createApiKey', { label, serviceAccountId: admin.id }, caller)).toEqual([
      'serviceAccountId NOT_ALLOWED',
    ]);
    expect(await refused('createApiKey', { label, userId: other.userId }, caller)).toEqual([
      'userId NOT_ALLOWED',
    ]);
    expect(await refused('createApiKey', { label, userId }, caller)).toEqual([]);
    const { record } = await tenant.key(admin.id);
    const key = named(record);
    const changes: readonly [string, object][] = [
      ['updateApiKey', { ...key, label: 'mine' }],
      ['rotateApiKey', { ...key, overlapSeconds: 0 }],
      ['deleteApiKey', key],
    ];
    for (const [name, input] of changes) {
      expect([name, ...(await refused(name, input, caller))]).toEqual([name, 'id NOT_ALLOWED']);
    }
    // Whoever manages keys may end one that leaked.
    expect(await refused('revokeApiKey', key, caller)).toEqual([]);
  });
});

describe('scopes', () => {
  test('name what there is and what the grammar knows', async () => {
    const account = await tenant.account();
    const wrong: readonly [readonly string[], string][] = [
      [[], 'scopes REQUIRED'],
      [['mcp:files', 'mcp:files'], 'scopes.1 DUPLICATE'],
      [['tools:read'], 'scopes.0 INVALID_FORMAT'],
      [['mcp:'], 'scopes.0 INVALID_FORMAT'],
      [['mcp:*:read'], 'scopes.0 INVALID_FORMAT'],
      [['mcp:files:a b'], 'scopes.0 INVALID_FORMAT'],
      [['Admin'], 'scopes.0 INVALID_FORMAT'],
      [[`mcp:files:${'x'.repeat(320)}`], 'scopes.0 TOO_LONG'],
      [['mcp:files', 'mcp:nowhere'], 'scopes.1 NOT_FOUND'],
      [['mcp:nowhere:read'], 'scopes.0 NOT_FOUND'],
      [Array.from({ length: 65 }, (_, index) => `mcp:files:t${index}`), 'scopes TOO_MANY'],
    ];
    for (const [scopes, error] of wrong) {
      const input = { label: 'key', serviceAccountId: account.id, scopes };
      expect([scopes[0], ...(await refused('createApiKey', input))]).toEqual([scopes[0], error]);
    }
    const { record } = await tenant.key(account.id, {
      scopes: ['mcp:files:read_file', 'mcp:files:we%20ird'],
    });
    expect(record.scopes).toEqual(['mcp:files:read_file', 'mcp:files:we%20ird']);
  });

  test('are every server, and no administration, unless somebody says otherwise', async () => {
    const { record } = await tenant.key((await tenant.account()).id);
    expect(record.scopes).toEqual(['mcp:*']);
  });

  test('of administration are for service accounts alone', async () => {
    const { userId } = await tenant.member({ role: 'ADMIN' });
    for (const scope of ['admin', 'admin:read']) {
      const input = { label: 'key', userId, scopes: ['mcp:*', scope] };
      expect(await refused('createApiKey', input)).toEqual(['scopes.1 NOT_ALLOWED']);
    }
  });

  test('are checked again when they are changed; those of a server that went stay', async () => {
    const account = await tenant.account();
    await tenant.server('going');
    const { record } = await tenant.key(account.id, { scopes: ['mcp:going', 'mcp:files'] });
    const client = await harness.database.connect('system');
    await client.query(`update mcp_servers set slug = 'gone' where slug = 'going'`);
    const update = (version: number, scopes: readonly string[]) =>
      refused('updateApiKey', { id: record.id, version, scopes });
    expect(await update(1, ['mcp:going', 'mcp:files', 'mcp:nowhere'])).toEqual([
      'scopes.2 NOT_FOUND',
    ]);
    expect(await update(1, [])).toEqual(['scopes REQUIRED']);
    expect(await update(1, ['mcp:going'])).toEqual([]);
    expect((await shown(record.id)).scopes).toEqual(['mcp:going']);
  });
});

describe('a rotated key', () => {
  test('is replaced by one with the same subject, scopes and label, and ends with the overlap', async () => {
    const account = await tenant.account();
    const { record, text } = await tenant.key(account.id, { scopes: ['mcp:files'] });
    const next = await rotate(record, { overlapSeconds: daySeconds });
    expect(next.text).not.toBe(text);
    expect(credentialId('apiKey', next.text)).toBe(next.record.keyId);
    expect(next.record).toMatchObject({
      ...{ subject: record.subject, scopes: ['mcp:files'], expiresAt: null, replacedBy: null },
    });
    expect(await shown(record.id)).toMatchObject({
      replacedBy: next.record.id,
      expiresAt: later(daySeconds).toISOString(),
      revokedAt: null,
    });
  });

  test('ends at once without an overlap, on nodes too', async () => {
    const { record } = await tenant.key((await tenant.account()).id);
    await rotate(record, { overlapSeconds: 0 });
    expect((await shown(record.id)).revokedAt).not.toBeNull();
  });

  test('ends no later than it would have, and the new one lives as long as it did', async () => {
    const { record } = await tenant.key((await tenant.account()).id, { expiresAt: later(3600) });
    const next = await rotate(record, { overlapSeconds: 2 * 3600 });
    expect((await shown(record.id)).expiresAt).toBe(later(3600).toISOString());
    const lifetimeMs = Date.parse(next.record.expiresAt ?? '') - harness.clock.nowMs;
    // Rows are created by the real clock, which runs on beside the test's.
    expect(Math.abs(lifetimeMs - 3600_000)).toBeLessThan(300_000);
    const chosen = await rotate(next.record, { overlapSeconds: 0, expiresAt: later(60) });
    expect(chosen.record.expiresAt).toBe(later(60).toISOString());
  });

  test('is rotated once, and its end is settled', async () => {
    const { record } = await tenant.key((await tenant.account()).id);
    await rotate(record, { overlapSeconds: 60 });
    const again = named(await shown(record.id));
    expect(await refused('rotateApiKey', { ...again, overlapSeconds: 60 })).toEqual(['id ENDED']);
    expect(await refused('updateApiKey', { ...again, expiresAt: null })).toEqual([
      'expiresAt ENDED',
    ]);
    expect(await refused('revokeApiKey', again)).toEqual([]);
  });

  test('has not ended', async () => {
    const { record } = await tenant.key((await tenant.account()).id);
    expect(await refused('revokeApiKey', named(record))).toEqual([]);
    const revoked = named(await shown(record.id));
    expect(await refused('rotateApiKey', { ...revoked, overlapSeconds: 0 })).toEqual(['id ENDED']);
  });

  test.each([-1, 30 * daySeconds + 1])('has no overlap of %d seconds', async (overlapSeconds) => {
    const { record } = await tenant.key((await tenant.account()).id);
    expect(await refused('rotateApiKey', { ...named(record), overlapSeconds })).toEqual([
      'overlapSeconds OUT_OF_RANGE',
    ]);
  });

  test('is one revision with its successor, and one audit entry without a secret', async () => {
    const { record } = await tenant.key((await tenant.account()).id);
    const next = await rotate(record, { overlapSeconds: 60 });
    const client = await harness.database.connect('owner');
    const { rows } = await client.query(
      `select c.entries, a.details from config_changes c join audit_logs a using (revision)
       where a.action = 'api_key.rotate' and a.target_id = $1`,
      [record.id],
    );
    expect(rows).toMatchObject([
      {
        entries: [
          { kind: 'api_key', id: record.id },
          { kind: 'api_key', id: next.record.id },
        ],
        details: { keyId: record.keyId, after: { replacedBy: next.record.id } },
      },
    ]);
    expect(JSON.stringify(rows)).not.toContain(next.text.slice(20));
  });
});

test('keys are listed by their account', async () => {
  const account = await tenant.account();
  const { record } = await tenant.key(account.id);
  await tenant.key((await tenant.account()).id);
  const { organization } = await tenant.owner.query<{
    organization: { apiKeys: { nodes: { id: string }[] } };
  }>(
    'query($id: ID!, $account: ID!) { organization(id: $id) { apiKeys(filter: { serviceAccountId: $account }) { nodes { id } } } }',
    { id: tenant.id, account: account.id },
  );
  expect(organization.apiKeys.nodes).toEqual([{ id: record.id }]);
});

test('keys of another organization are as good as none', async () => {
  const other = await Tenant.create(harness, replica);
  const { record } = await other.key((await other.account()).id);
  const key = { id: record.id, version: record.version };
  const operations: readonly [string, object][] = [
    ['updateApiKey', { ...key, label: unique('label') }],
    ['rotateApiKey', { ...key, overlapSeconds: 0 }],
    ['revokeApiKey', key],
    ['deleteApiKey', key],
  ];
  for (const [name, input] of operations) {
    expect([name, ...(await refused(name, input))]).toEqual([name, 'id NOT_FOUND']);
  }
});
