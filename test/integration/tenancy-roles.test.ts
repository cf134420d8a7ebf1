import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { permissions } from '../../control-plane/graphql/authorize/permissions.ts';
import { buildGraphqlSchema } from '../../control-plane/graphql/schema.ts';
import { argumentsFor } from '../support/tenancy-arguments.ts';
import { type Operation, operationsOf } from '../support/tenancy-operations.ts';
import { password } from './graphql-harness.ts';
import { attempt, openWorld, type TenancyWorld, type Tenant } from './tenancy-world.ts';

/** Whoever calls, with one credential in an organization. */
const callers = [
  ...['OWNER', 'ADMIN', 'DEVELOPER', 'AUDITOR', 'AGENT', 'CUSTOM'],
  ...['operator', 'stranger', 'anonymous', 'key', 'readingKey', 'callingKey'],
] as const;
type Caller = (typeof callers)[number];

/**
 * Who has which permission, said once more and apart from the code: nothing here is computed from the
 * roles' own table. `CUSTOM` is a role of servers.read and audit.read; `key` acts for a developer.
 */
const holders: Readonly<Record<string, readonly Caller[]>> = {
  'organization.update': ['OWNER', 'ADMIN', 'operator'],
  'organization.delete': ['OWNER', 'operator'],
  'members.read': ['OWNER', 'ADMIN', 'AUDITOR', 'operator'],
  'members.write': ['OWNER', 'ADMIN', 'operator'],
  'roles.read': ['OWNER', 'ADMIN', 'DEVELOPER', 'AUDITOR', 'key', 'readingKey'],
  'roles.write': ['OWNER', 'ADMIN'],
  'serviceAccounts.read': ['OWNER', 'ADMIN', 'DEVELOPER', 'AUDITOR', 'key', 'readingKey'],
  'serviceAccounts.write': ['OWNER', 'ADMIN'],
  'apiKeys.read': ['OWNER', 'ADMIN', 'DEVELOPER', 'AUDITOR', 'key', 'readingKey'],
  'apiKeys.write': ['OWNER', 'ADMIN', 'DEVELOPER', 'key'],
  'issuers.read': ['OWNER', 'ADMIN', 'AUDITOR'],
  'issuers.write': ['OWNER', 'ADMIN'],
  'revocations.read': ['OWNER', 'ADMIN', 'AUDITOR'],
  'revocations.write': ['OWNER', 'ADMIN'],
  'servers.call': ['OWNER', 'ADMIN', 'DEVELOPER', 'AGENT', 'key'],
  'servers.read': ['OWNER', 'ADMIN', 'DEVELOPER', 'AUDITOR', 'CUSTOM', 'key', 'readingKey'],
  'servers.write': ['OWNER', 'ADMIN', 'DEVELOPER', 'key'],
  'tools.read': ['OWNER', 'ADMIN', 'DEVELOPER', 'AUDITOR', 'key', 'readingKey'],
  'tools.write': ['OWNER', 'ADMIN'],
  'policies.read': ['OWNER', 'ADMIN', 'DEVELOPER', 'AUDITOR', 'key', 'readingKey'],
  'policies.write': ['OWNER', 'ADMIN'],
  'requestLogs.read': ['OWNER', 'ADMIN', 'DEVELOPER', 'AUDITOR', 'key', 'readingKey'],
  'audit.read': ['OWNER', 'ADMIN', 'AUDITOR', 'CUSTOM'],
  operator: ['operator'],
  // Some of these are for people alone, which their own tests show.
  authenticated: callers.filter((caller) => caller !== 'anonymous' && caller !== 'callingKey'),
  public: callers,
};

type Verdict = 'allowed' | 'FORBIDDEN' | 'hidden' | 'UNAUTHENTICATED' | 'INSUFFICIENT_SCOPE';

/** What somebody without the permission is answered. */
function refusalFor(caller: Caller, permission: string, operation: Operation): Verdict {
  if (caller === 'anonymous') return 'UNAUTHENTICATED';
  if (caller === 'callingKey') return 'INSUFFICIENT_SCOPE';
  if (caller === 'stranger' && permission !== 'operator') return 'hidden';
  if (caller === 'readingKey' && operation.root === 'mutation') return 'INSUFFICIENT_SCOPE';
  return 'FORBIDDEN';
}

function expectedVerdict(caller: Caller, operation: Operation): Verdict {
  const permission = permissions[operation.path];
  const holding = permission === undefined ? undefined : holders[permission];
  if (permission === undefined || holding === undefined) {
    throw new Error(`${operation.path} needs ${permission}, which this test knows no holders of.`);
  }
  if (caller === 'stranger' && operation.inOrganization) return 'hidden';
  if (!holding.includes(caller)) return refusalFor(caller, permission, operation);
  // A key that may only read changes nothing, whatever it belongs to.
  const reads = operation.root !== 'mutation' || permission === 'public';
  return caller === 'readingKey' && !reads ? 'INSUFFICIENT_SCOPE' : 'allowed';
}

const schema = buildGraphqlSchema();
const operations = operationsOf(schema);
let world: TenancyWorld;
let tenant: Tenant;
let other: Tenant;
const tokens = new Map<Caller, string | undefined>();

beforeAll(async () => {
  world = await openWorld(schema);
  tenant = await world.tenant('ours');
  other = await world.tenant('other');
  for (const role of ['OWNER', 'ADMIN', 'DEVELOPER', 'AUDITOR', 'AGENT', 'CUSTOM'] as const) {
    tokens.set(role, tenant.tokens[role]);
  }
  tokens.set('operator', world.operatorToken);
  tokens.set('stranger', other.tokens['OWNER']);
  tokens.set('key', tenant.keys.full);
  tokens.set('readingKey', tenant.keys.read);
  tokens.set('callingKey', tenant.keys.call);
}, 120_000);

afterAll(() => world.close());

const emails = new Map<Caller, () => string | undefined>([
  ...(['OWNER', 'ADMIN', 'DEVELOPER', 'AUDITOR', 'AGENT', 'CUSTOM'] as const).map(
    (role) => [role, () => tenant.emails[role]] as const,
  ),
  ['operator', () => 'operator@example.com'],
  ['stranger', () => other.emails['OWNER']],
]);

/** An operation may have ended the session that it was called in. */
async function signInAgain(caller: Caller): Promise<void> {
  const email = emails.get(caller)?.();
  if (email === undefined) return;
  const probe = await world.replica.post('{ viewer { tokenExpiresAt } }', {}, tokens.get(caller));
  if (probe.errors.length === 0) return;
  const reply = await world.replica.post<{ login: { accessToken: string } }>(
    'mutation($e: String!, $p: String!) { login(email: $e, password: $p) { accessToken } }',
    { e: email, p: password },
  );
  tokens.set(caller, reply.data?.login.accessToken);
}

const notFoundCodes = ['NOT_FOUND'];

/** Arguments that pass the check of permissions and then change nothing that the test still needs. */
function harmless(operation: Operation): Readonly<Record<string, unknown>> {
  const args = argumentsFor(operation, tenant);
  const { input } = args as { input?: Record<string, unknown> };
  const stale: Record<string, unknown> = {};
  if (input !== undefined && 'version' in input) stale['version'] = 999_999;
  return input === undefined ? args : { ...args, input: { ...input, ...stale } };
}

async function verdict(caller: Caller, operation: Operation): Promise<Verdict | string> {
  const args = harmless(operation);
  const { organizationId } = tenant;
  const outcome = await attempt(world.replica, operation, args, organizationId, tokens.get(caller));
  const { code, data } = outcome;
  if (operation.inOrganization && code === 'OK' && data?.['organization'] === null) return 'hidden';
  if (code === 'OK') {
    const isNull = operation.root === 'query' && data?.[operation.field.name] === null;
    return isNull && caller === 'stranger' ? 'hidden' : 'allowed';
  }
  if (notFoundCodes.includes(code)) return 'hidden';
  if (['FORBIDDEN', 'UNAUTHENTICATED', 'INSUFFICIENT_SCOPE'].includes(code)) return code;
  // Refused for another reason than who calls, such as a wrong password.
  return 'allowed';
}

/** Needs a permission, and a person besides: the token that it gives is good for as long as a session. */
const forPeopleAlone: readonly string[] = ['Mutation.issueProxyToken'];

const isService = (caller: Caller) => caller === 'key' || caller === 'readingKey';

/** One verdict, except where it follows from more than the table: what was given, or that it is for people. */
function possibleVerdicts(caller: Caller, operation: Operation): readonly string[] {
  const { path } = operation;
  const permission = permissions[path];
  const expected = expectedVerdict(caller, operation);
  if (permission === 'public') {
    // Whatever is wrong with what was given, it isn't who gave it.
    const people = caller.endsWith('ey') ? ['FORBIDDEN', 'INSUFFICIENT_SCOPE'] : [];
    return ['allowed', 'hidden', 'UNAUTHENTICATED', ...people];
  }
  if (expected !== 'allowed') return [expected];
  if (isService(caller) && forPeopleAlone.includes(path)) return ['FORBIDDEN'];
  if (permission !== 'authenticated') return ['allowed'];
  if (isService(caller)) return ['allowed', 'FORBIDDEN'];
  return caller === 'stranger' || caller === 'operator' ? ['allowed', 'hidden'] : ['allowed'];
}

describe.each(callers)('as %s', (caller) => {
  test.each(operations.map((operation) => [operation.path, operation] as const))(
    '%s',
    async (path, operation) => {
      const possible = possibleVerdicts(caller, operation);
      const found = await verdict(caller, operation);
      if (operation.root === 'mutation') await signInAgain(caller);
      expect([path, possible]).toEqual([path, expect.arrayContaining([found])]);
    },
  );
});

test('every operation and every field of an organization has a row, and no row is left over', () => {
  expect(Object.keys(permissions).sort()).toEqual(operations.map(({ path }) => path).sort());
});

test('every object that belongs to an organization is reached through a guarded field alone', () => {
  const owned = Object.values(schema.getTypeMap()).filter(
    (type) =>
      'getFields' in type &&
      !type.name.startsWith('__') &&
      type.astNode === undefined &&
      'organizationId' in type.getFields() &&
      !type.name.endsWith('Input'),
  );
  expect(owned.length).toBeGreaterThan(5);
  const shown = new Set(
    operations
      .filter(({ path }) => !['public', 'authenticated'].includes(permissions[path] ?? 'public'))
      .flatMap(({ field }) => typesWithin(String(field.type).replaceAll(/[[\]!]/g, ''))),
  );
  // These two say where the caller is, or has just become, a member.
  const ownOfCaller = ['AcceptInvitationPayload', 'ViewerMembership'];
  const open = owned.map(({ name }) => name).filter((name) => !shown.has(name));
  expect(open.sort()).toEqual(ownOfCaller);
});

/** Types that an answer of this type can hold, through connections and payloads. */
function typesWithin(name: string, seen = new Set<string>()): string[] {
  if (seen.has(name)) return [...seen];
  seen.add(name);
  const type = schema.getType(name);
  if (type !== undefined && 'getFields' in type && name !== 'Organization') {
    for (const field of Object.values(type.getFields())) {
      typesWithin(String(field.type).replaceAll(/[[\]!]/g, ''), seen);
    }
  }
  return [...seen];
}
