import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { newCredential } from '../../common/credential.ts';
import { permissions } from '../../control-plane/graphql/authorize/permissions.ts';
import { buildGraphqlSchema } from '../../control-plane/graphql/schema.ts';
import { operationsOf } from '../support/tenancy-operations.ts';
import { type AuditCase, auditCases, type ExpectedEntry, type Happened } from './audit-cases.ts';
import { type AuditCaller, AuditWorld, type StoredEntry } from './audit-world.ts';
import type { Replica } from './graphql-harness.ts';

const mutations = operationsOf(buildGraphqlSchema()).filter(({ root }) => root === 'mutation');

let world: AuditWorld;

beforeAll(async () => {
  world = await AuditWorld.open();
}, 120_000);

afterAll(() => world.close());

function mutationOf(title: string): string {
  return title.split(' ')[0] ?? '';
}

/** Arguments and fields of answers whose values open something. */
const secretNames = new Set([
  ...['password', 'currentPassword', 'newPassword', 'clientSecret', 'code', 'state'],
  ...['token', 'accessToken', 'refreshToken', 'loginToken', 'key'],
]);

/** Every secret in a value, wherever it stands. */
function secretsIn(value: unknown, above = ''): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]: [string, unknown]) => {
    const isSecret = secretNames.has(name) || (above === 'credential' && name === 'value');
    return isSecret && typeof inner === 'string' ? [inner] : secretsIn(inner, name);
  });
}

async function callerFor({ as }: AuditCase): Promise<AuditCaller | undefined> {
  if (as === 'nobody') return undefined;
  if (as === 'person') return world.session();
  return as === 'owner' ? world.owner : world.operator;
}

function expectedEntry(
  { in: place, action, target, details, privateDetails, actorId }: ExpectedEntry,
  happened: Happened,
  caller: AuditCaller | undefined,
): object {
  const [targetType, targetId] = target;
  const isPlatform = place === 'platform';
  const actor = actorId?.(happened) ?? caller?.userId;
  const isCaller = actor !== undefined && actor === caller?.userId;
  return {
    organizationId: isPlatform ? null : expect.stringMatching(/^[0-9a-f-]{36}$/),
    ...{ action, targetType, targetId: targetId(happened) },
    actorKind: actor === 'platform' ? 'system' : 'user',
    actorId: actor,
    details: {
      ...details,
      ...(isCaller && { credential: { kind: 'session', id: caller.sessionId } }),
    },
    privateDetails: actor === 'platform' ? null : { ...privateDetails, clientAddress: '127.0.0.1' },
  };
}

/** A change names its fields, and each has both sides, in the part of the entry that it belongs to. */
function expectWholeChange({ details, privateDetails }: StoredEntry): void {
  const changed = details['changed'] as readonly string[] | undefined;
  if (changed === undefined) return;
  for (const side of ['before', 'after']) {
    const values = { ...(details[side] as object), ...(privateDetails?.[side] as object) };
    expect([side, Object.keys(values).sort()]).toEqual([side, [...changed].sort()]);
  }
}

test('every mutation of the schema has a case here', () => {
  const known = new Set(Object.keys(auditCases).map(mutationOf));
  expect([...known].sort()).toEqual(mutations.map(({ field }) => field.name).sort());
});

describe('a mutation that succeeds', () => {
  beforeEach(() => {
    world.forget();
  });

  test.each(Object.entries(auditCases))('%s', async (title, row) => {
    const operation = world.operation(mutationOf(title));
    const { name } = operation.field;
    for (const kind of row.needs ?? []) await world.make(kind);
    await row.before?.(world);
    const caller = await callerFor(row);
    const args = async () => world.argumentsOf(operation, { ...(await row.given?.(world)) });
    const { leaves, apart = {} } = row;

    if ('nothing' in leaves) {
      const given = await args();
      const mark = await world.mark();
      const { userErrors, errors } = await world.run(name, given, caller?.token);
      expect([userErrors, errors]).toEqual([[], []]);
      expect(await world.entriesAfter(mark)).toEqual([]);
      return;
    }

    // In the change's own transaction: without the entry there is no change.
    const rehearsal = await args();
    const before = await world.digest(Object.keys(apart));
    const failed = await world.withoutAudit(() => world.run(name, rehearsal, caller?.token));
    expect(failed.errors[0]?.extensions.code).toBe('INTERNAL');
    expect(await world.digest(Object.keys(apart))).toEqual(before);

    const given = Object.keys(apart).length === 0 ? rehearsal : await args();
    const mark = await world.mark();
    const { payload, userErrors, errors } = await world.run(name, given, caller?.token);
    expect([userErrors, errors]).toEqual([[], []]);
    const entries = await world.entriesAfter(mark);
    const expected = leaves.map((entry) => expectedEntry(entry, { world, payload }, caller));
    expect(entries).toMatchObject(expected);
    for (const entry of entries) expectWholeChange(entry);
    const secrets = [...secretsIn(given), ...secretsIn(payload), caller?.token ?? 'Bearer'];
    for (const secret of secrets)
      expect(entries.map(({ text }) => text).join()).not.toContain(secret);
  });
});

/** Somebody who is known and may not run a mutation. */
interface Refused {
  readonly token: string | undefined;
  readonly actorKind: 'user' | 'service';
  /** What the use of the credential itself leaves. */
  readonly first: readonly object[];
}

describe('a mutation that is refused to', () => {
  let replica: Replica;

  beforeEach(async () => {
    world.forget();
    // Refusals that repeat are counted: each of these is to be the first of its kind.
    replica = await world.freshReplica();
  });

  afterEach(() => replica.close());

  const guarded = mutations.filter(({ path }) => permissions[path] !== 'public');
  const keyUse = { action: 'api_key.use', actorKind: 'service', targetType: 'api_key' };

  /** A member without the permission; of a mutation that every person may run, a service account. */
  function withoutPermission(permission: string | undefined): Refused {
    const { tokens, keys } = world.tenant;
    const actorKind = 'user';
    if (permission === 'operator') return { token: tokens['OWNER'], actorKind, first: [] };
    if (permission !== 'authenticated') return { token: tokens['CUSTOM'], actorKind, first: [] };
    return { token: keys.full, actorKind: 'service', first: [keyUse] };
  }

  async function expectRefusal(path: string, name: string, refused: Refused): Promise<void> {
    const args = world.argumentsOf(world.operation(name));
    const mark = await world.mark();
    const { errors } = await world.run(name, args, refused.token, replica);
    expect(['FORBIDDEN', 'INSUFFICIENT_SCOPE']).toContain(errors[0]?.extensions.code);
    const { input } = args as { input?: { organizationId?: string } };
    const organizationId = input?.organizationId;
    expect(await world.entriesAfter(mark)).toMatchObject([
      ...refused.first,
      {
        organizationId: organizationId ?? null,
        ...{ action: 'access.refused', targetType: 'operation', targetId: path },
        actorKind: refused.actorKind,
        actorId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        details: {
          permission: permissions[path],
          ...(organizationId !== undefined && { organizationId }),
          credential: { kind: refused.actorKind === 'user' ? 'session' : 'api_key' },
        },
        privateDetails: { clientAddress: '127.0.0.1' },
      },
    ]);
  }

  test.each(guarded.map(({ path, field }) => [path, field.name]))(
    'who has no permission leaves the attempt: %s',
    (path, name) => expectRefusal(path, name, withoutPermission(permissions[path])),
  );

  test.each(guarded.map(({ path, field }) => [path, field.name]))(
    'a key that may only read leaves the attempt: %s',
    (path, name) => {
      const token = world.tenant.keys.read;
      return expectRefusal(path, name, { token, actorKind: 'service', first: [keyUse] });
    },
  );

  /** What an admin, who may run the mutation, may not give in it. */
  const beyond: readonly (readonly [string, string, object])[] = [
    ['inviteMember', 'role', { role: 'OWNER' }],
    ['createServiceAccount', 'role', { role: 'OWNER' }],
    ['createCustomRole', 'permissions.0', { permissions: ['ORGANIZATION_DELETE'] }],
  ];

  test.each(beyond)('somebody for a value above their role: %s, %s', async (name, value, given) => {
    const { tokens, organizationId } = world.tenant;
    const args = world.argumentsOf(world.operation(name), { ...given });
    const mark = await world.mark();
    const { userErrors } = await world.run(name, args, tokens['ADMIN'], replica);
    expect(userErrors).toMatchObject([{ code: 'NOT_ALLOWED' }]);
    expect(await world.entriesAfter(mark)).toMatchObject([
      {
        ...{ organizationId, action: 'access.refused', targetId: `Mutation.${name}` },
        details: { permission: permissions[`Mutation.${name}`], values: [value] },
      },
    ]);
  });
});

describe('a secret that is no good leaves its entry, without what was presented', () => {
  const { text: forgedToken } = newCredential('oneTimeToken');
  const forged: readonly (readonly [string, object, object])[] = [
    [
      'login',
      { email: 'nobody@example.com', password: 'a guess at a password' },
      {
        ...{ action: 'user.login_failed', organizationId: null, actorId: 'unknown' },
        details: { method: 'password', reason: 'account_unknown' },
      },
    ],
    [
      'resetPassword',
      { token: forgedToken, newPassword: 'another horse battery' },
      {
        ...{ action: 'one_time_token.refused', organizationId: null, actorId: 'unknown' },
        details: { purpose: 'password_reset', reason: 'unknown' },
      },
    ],
    [
      'acceptInvitation',
      { token: forgedToken, displayName: 'A', password: 'another horse battery' },
      {
        ...{ action: 'one_time_token.refused', organizationId: null, actorId: 'unknown' },
        details: { purpose: 'invitation', reason: 'unknown' },
      },
    ],
    [
      'completeOidcLogin',
      { state: 'forged state', code: 'forged code', loginToken: 'forged token' },
      {
        ...{ action: 'user.login_failed', organizationId: null, actorId: 'unknown' },
        details: { method: 'oidc', reason: 'state_unknown' },
      },
    ],
  ];

  test.each(forged)('%s', async (name, given, expected) => {
    const args = world.argumentsOf(world.operation(name), { ...given });
    const mark = await world.mark();
    await world.run(name, args, undefined);
    const entries = await world.entriesAfter(mark);
    const address = { privateDetails: { clientAddress: '127.0.0.1' } };
    expect(entries).toMatchObject([{ ...expected, ...address }]);
    for (const secret of secretsIn(args)) expect(entries[0]?.text).not.toContain(secret);
  });
});
