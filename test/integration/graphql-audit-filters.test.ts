import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { EntityManager } from '@mikro-orm/postgresql';
import {
  type AuditFilterFields,
  listAuditEntries,
} from '../../control-plane/registry/audit-entries.ts';
import type { Store } from '../../control-plane/store/store.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

const organizationId = randomUUID();
const rowsCount = 100_000;

let database: TestDatabase;
let store: Store;
/** Named by three entries each, of the whole trail: what a filter is for. */
const rare = { actorId: randomUUID(), targetId: randomUUID(), credentialId: randomUUID() };

beforeAll(async () => {
  database = await createTestDatabase();
  store = await database.openStore();
  const owner = await database.connect('owner');
  await owner.query(
    `insert into audit_logs (chain_id, sequence, id, organization_id, at, action, actor_kind, actor_id,
       actor_label_commitment, target_type, target_id, target_label_commitment, details,
       private_details_commitment, previous_hash, hash)
     select $1, n, gen_random_uuid(), $1, now() - n * interval '1 second',
       case when n % 40000 = 7 then 'rare.action' else 'server.update' end, 'user',
       case when n % 40000 = 7 then $2 else 'actor-' || n % 50 end, '\\x00',
       'server', case when n % 40000 = 7 then $3 else 'target-' || n % 5000 end, '\\x00',
       jsonb_build_object('credential', jsonb_build_object('kind', 'session',
         'id', case when n % 40000 = 7 then $4 else 'session-' || n % 5000 end)),
       '\\x00', sha256(n::text::bytea), sha256(n::text::bytea)
     from generate_series(1, $5::int) n`,
    [organizationId, rare.actorId, rare.targetId, rare.credentialId, rowsCount],
  );
  await owner.query('analyze audit_logs');
}, 120_000);

afterAll(() => database.drop());

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Index Name'?: string;
  readonly 'Rows Removed by Filter'?: number;
  readonly Plans?: readonly PlanNode[];
}

function nodesOf(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(nodesOf)];
}

/** How the database finds the entries of a page, as the role that serves requests. */
async function planOf(filter: AuditFilterFields): Promise<PlanNode[]> {
  const plans: PlanNode[] = [];
  const explained: Store = {
    ...store,
    withOrganization: (id, work) =>
      store.withOrganization(id, async (em) => {
        const find: EntityManager['find'] = async (entity, where, options) => {
          const builder = em.createQueryBuilder(entity).where(where as object);
          const query = builder.orderBy(options?.orderBy as object).limit(options?.limit);
          const [row] = await em.execute<{ 'QUERY PLAN': { readonly Plan: PlanNode }[] }[]>(
            `explain (analyze, format json) ${query.getFormattedQuery()}`,
          );
          for (const { Plan } of row?.['QUERY PLAN'] ?? []) plans.push(...nodesOf(Plan));
          return [];
        };
        return work(Object.assign(Object.create(em), { find }) as EntityManager);
      }),
  };
  await listAuditEntries(explained, organizationId, filter, {
    size: 50,
    cursor: undefined,
    backward: false,
  });
  expect(plans.length).toBeGreaterThan(0);
  return plans;
}

const filters: readonly (readonly [string, AuditFilterFields, readonly string[]])[] = [
  ['action', { action: 'rare.action' }, ['audit_logs_action']],
  ['actor', { actorId: rare.actorId }, ['audit_logs_actor']],
  ['target', { targetId: rare.targetId }, ['audit_logs_target']],
  ['target and its type', { targetId: rare.targetId, targetType: 'server' }, ['audit_logs_target']],
  [
    'any id',
    { id: rare.credentialId },
    ['audit_logs_actor', 'audit_logs_credential', 'audit_logs_id_key', 'audit_logs_target'],
  ],
];

describe('of a hundred thousand entries', () => {
  test.each(filters)('those of one %s are found by index', async (_name, filter, indexes) => {
    const plan = await planOf(filter);
    expect(plan.flatMap((node) => node['Index Name'] ?? []).sort()).toEqual(indexes);
    const removed = plan.map((node) => node['Rows Removed by Filter'] ?? 0);
    expect(Math.max(...removed)).toBeLessThan(100);
  });

  test.each(filters)('those of one %s are all there', async (_name, filter) => {
    const page = { size: 50, cursor: undefined, backward: false };
    const { items } = await listAuditEntries(store, organizationId, filter, page);
    expect(items.map(({ sequence }) => sequence)).toEqual([80_007, 40_007, 7]);
  });
});
