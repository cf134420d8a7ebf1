import { randomUUID } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { systemActor } from '../../control-plane/identity/actor.ts';
import { createOrganization } from '../../control-plane/identity/organizations.ts';
import { createPasswordDesk } from '../../control-plane/identity/password-desk.ts';
import { createUser } from '../../control-plane/identity/users.ts';
import { SimulationDesk } from '../../control-plane/policy/simulation/simulation-desk.ts';
import { policyFields } from '../support/policy-fields.ts';
import { createTestDatabase } from '../support/postgres.ts';

/** Calls that are recorded, and policies that the organization has. */
const callCount = 100_000;
const policyCount = 1_000;

/** Replays many recorded calls against a draft, and prints how long it takes and holds the event loop. */
async function main(): Promise<void> {
  const database = await createTestDatabase();
  const store = await database.openStore();
  const passwords = createPasswordDesk({ concurrencyMax: 1, waitingMax: 1 });
  const owner = await createUser({ store, passwords }, systemActor, {
    ...{ email: 'owner@example.com', displayName: 'Owner', password: 'correct horse battery' },
  });
  if (!owner.ok) throw new Error('The owner could not be made.');
  const created = await createOrganization(store, systemActor, {
    ...{ slug: 'acme', name: 'Acme', enabled: true, mustAudit: false, allowedOrigins: [] },
    ...{ staleAfterSeconds: null, ownerId: owner.value.id },
  });
  if (!created.ok) throw new Error('The organization could not be made.');
  const organizationId = created.value.id;
  const rows = await database.connect('owner');
  const serverId = randomUUID();
  await rows.query(
    `insert into mcp_servers (organization_id, id, slug, name, transport)
     values ($1, $2, 'files', 'Files', 'streamable-http')`,
    [organizationId, serverId],
  );
  await rows.query(
    `insert into policies (organization_id, id, name, effect, mode, position, tools, condition)
     select $1, gen_random_uuid(), 'p' || n, 'deny', 'enforce', n, array['tool_' || n % 200],
       'args.path.startsWith("/etc/' || n || '") && request.era == "modern"'
     from generate_series(1, $2) n`,
    [organizationId, policyCount],
  );
  await rows.query(
    `insert into request_logs (id, organization_id, received_at, node_id, call_id, phase, started_at,
       subject, credential_id, server_id, era, method, target, decision, principal_roles, principal_scopes,
       credential_kind, argument_state, arguments)
     select gen_random_uuid(), $1, now() - make_interval(secs => n / 100.0), $2, gen_random_uuid(),
       'complete', now(), 'user:' || n % 500, 'key' || n % 500, $2, 'modern', 'tools/call',
       'tool_' || n % 200, 'allowed', '{agent}', '{mcp:*}', 'api_key', 'full',
       json_build_object('path', '/srv/' || n, 'text', repeat('x', 200))
     from generate_series(1, $3) n`,
    [organizationId, serverId, callCount],
  );
  await rows.query('analyze');
  const bounds = { callsMax: 1_000_000, durationMsMax: 300_000, progressMs: 250 };
  const desk = new SimulationDesk({ store, bounds, concurrencyMax: 1 });
  const draft = {
    add: [
      policyFields({
        name: 'jail',
        tools: ['tool_1*'],
        condition: '!pathUnder(args.path, "/srv/1")',
      }),
    ],
    replace: [],
    remove: [],
  };
  const over = { since: new Date(0), until: new Date(Date.now() + 60_000) };
  const delay = monitorEventLoopDelay({ resolution: 1 });
  for (const policyDefault of [null, 'deny'] as const) {
    delay.reset();
    delay.enable();
    const startedMs = performance.now();
    const request = { organizationId, draft: { ...draft, policyDefault }, over, samplesMax: 10 };
    const outcome = await desk.report(request);
    delay.disable();
    if (!outcome.ok) throw new Error(JSON.stringify(outcome.violations));
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(2);
    const heldMs = (delay.max / 1e6).toFixed(1);
    const memoryMb = Math.round(process.memoryUsage().rss / 2 ** 20);
    console.log(
      `${callCount} calls, ${policyCount} policies, default ${policyDefault ?? 'as it is'}: ${seconds} s, ` +
        `event loop held ${heldMs} ms at most (p99 ${(delay.percentile(99) / 1e6).toFixed(1)} ms), ${memoryMb} MB`,
      outcome.value.totals,
    );
  }
  await database.drop();
}

await main();
