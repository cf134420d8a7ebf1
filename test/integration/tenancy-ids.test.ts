import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { buildGraphqlSchema } from '../../control-plane/graphql/schema.ts';
import {
  argumentsFor,
  type IdArgument,
  idArgumentsOf,
  withValueAt,
} from '../support/tenancy-arguments.ts';
import { type Operation, operationsOf } from '../support/tenancy-operations.ts';
import { logIn, password } from './graphql-harness.ts';
import {
  attempt,
  builtInRoles,
  type Outcome,
  openWorld,
  type TenancyWorld,
  type Tenant,
} from './tenancy-world.ts';

const schema = buildGraphqlSchema();
const operations = operationsOf(schema);
let world: TenancyWorld;
let ours: Tenant;
let theirs: Tenant;
let third: Tenant;

beforeAll(async () => {
  world = await openWorld(schema);
  ours = await world.tenant('ours');
  theirs = await world.tenant('theirs');
  third = await world.tenant('third');
}, 120_000);

afterAll(() => world.close());

const idCases = operations.flatMap((operation) =>
  idArgumentsOf(operation).map((id) => [operation.path, id.path.join('.'), operation, id] as const),
);

function payloadOf({ data }: Outcome, { field, inOrganization }: Operation): unknown {
  const holder = inOrganization ? (data?.['organization'] as Record<string, unknown>) : data;
  return holder?.[field.name] ?? null;
}

/** True when an operation answered that there is nothing of that id, or refused altogether. */
function isRefused(outcome: Outcome, operation: Operation): boolean {
  if (outcome.code !== 'OK') return true;
  const payload = payloadOf(outcome, operation) as { userErrors?: { code: string }[] } | null;
  return payload === null || (payload.userErrors?.length ?? 0) > 0;
}

/** Without what differs from one answer to the next by itself. */
function comparable({ code, text }: Outcome, id: string): string {
  return `${code} ${text.replaceAll(id, 'ID').replaceAll(/"traceId":"[0-9a-f]+"/g, '')}`;
}

async function withId(operation: Operation, id: IdArgument, args: object, value: string) {
  const given = withValueAt(args as Record<string, unknown>, id.path, id.isList ? [value] : value);
  const { organizationId, tokens } = ours;
  return attempt(world.replica, operation, given, organizationId, tokens['OWNER']);
}

describe('an id of another organization', () => {
  test('is guessed for many operations', () => {
    expect(idCases.length).toBeGreaterThan(60);
  });

  test.each(idCases)('%s: as %s it is answered like a random one', async (...given) => {
    const [path, name, operation, id] = given;
    const known = id.kind === undefined ? undefined : theirs.idOf(id.kind);
    if (known === undefined) {
      throw new Error(`${path}: there is no object for ${name}, of kind ${id.kind}`);
    }
    const args = argumentsFor(operation, ours);
    const random = randomUUID();
    const foreign = await withId(operation, id, args, known);
    const absent = await withId(operation, id, args, random);
    expect(comparable(foreign, known)).toBe(comparable(absent, random));
    const leaked = theirs.traces.filter((trace) => trace !== known && foreign.text.includes(trace));
    expect(leaked).toEqual([]);
    // A condition that nothing fits is no mistake.
    if (!id.path.includes('filter')) expect(isRefused(foreign, operation)).toBe(true);
  });
});

/** What would end what the others of these runs need. */
const ending = /^Mutation\.(?:delete|remove|end|logout|changePassword|resetPassword|revoke)/;
const repeatable = operations.filter(({ path }) => !ending.test(path));

interface Member {
  readonly roles: ReadonlyMap<Tenant, string>;
  readonly token: string;
}

/** People with any role in any of the organizations, some of them in none. */
async function people(choices: readonly (readonly (string | undefined)[])[]): Promise<Member[]> {
  const tenants = [ours, theirs, third];
  const made: Member[] = [];
  for (const choice of choices) {
    const email = `p-${randomUUID()}@nobody.example`;
    const created = await world.replica.post<{ createUser: { user: { id: string } } }>(
      'mutation($i: CreateUserInput!) { createUser(input: $i) { user { id } } }',
      { i: { email, displayName: 'Somebody', password } },
      world.operatorToken,
    );
    const userId = created.data?.createUser.user.id;
    const roles = new Map<Tenant, string>();
    for (const [index, tenant] of tenants.entries()) {
      const role = choice[index];
      if (role === undefined) continue;
      await world.system.query(
        'insert into memberships (organization_id, user_id, role) values ($1, $2, $3)',
        [tenant.organizationId, userId, role.toLowerCase()],
      );
      roles.set(tenant, role);
    }
    made.push({ roles, token: await logIn(world.replica, email) });
  }
  return made;
}

test('no answer ever holds what belongs to an organization that the caller is no member of', async () => {
  const role = fc.option(fc.constantFrom(...builtInRoles), { nil: undefined });
  const choices = fc.sample(fc.tuple(role, role, role), { numRuns: 10 });
  const members = await people(choices);
  const tenants = [ours, theirs, third];
  const tenant = fc.constantFrom(...tenants);
  const run = fc.record({
    member: fc.constantFrom(...members),
    operation: fc.constantFrom(...repeatable),
    about: tenant,
    /** Whose ids the other arguments hold. */
    idsOf: tenant,
    marker: fc.constantFrom('Probe', 'x'),
  });
  let shown = 0;
  await fc.assert(
    fc.asyncProperty(run, async ({ member, operation, about, idsOf }) => {
      const args = argumentsFor(operation, {
        ...{ organizationId: about.organizationId, slug: 'probe', marker: 'probe' },
        idOf: (kind) => (kind === 'organization' ? about : idsOf).idOf(kind),
      });
      const given = idArgumentsOf(operation).reduce((all, { path, isList, kind }) => {
        const id = kind === undefined ? undefined : idsOf.idOf(kind);
        const isOrganization = path.at(-1) === 'organizationId';
        if (id === undefined || isOrganization || path.includes('filter') === false) return all;
        return withValueAt(all, path, isList ? [id] : id);
      }, args);
      const { text } = await attempt(
        world.replica,
        operation,
        given,
        about.organizationId,
        member.token,
      );
      for (const other of tenants) {
        if (member.roles.has(other)) {
          if (text.includes(other.organizationId)) shown += 1;
          continue;
        }
        expect(other.traces.filter((trace) => text.includes(trace))).toEqual([]);
      }
    }),
    { numRuns: 400, endOnFailure: true },
  );
  // Else nothing could have been found.
  expect(shown).toBeGreaterThan(10);
}, 120_000);
