import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { contracts } from '../../common/contracts.ts';
import { systemActor } from '../../control-plane/identity/actor.ts';
import type { Outcome } from '../../control-plane/input/violation.ts';
import {
  createPolicy,
  deletePolicy,
  movePolicy,
  type SavedPolicy,
  updatePolicy,
} from '../../control-plane/policy/policies.ts';
import type { PolicyDependencies } from '../../control-plane/policy/policy-change.ts';
import type { PolicyPlace } from '../../control-plane/policy/policy-order.ts';
import type { Policy } from '../../control-plane/store/entities/policy.ts';
import type { PolicyDefinition } from '../../control-plane/store/entities/policy-revision.ts';
import { type ControlStreamSetup, setUpControlStream } from '../support/control-stream.ts';
import { ScriptedNode } from '../support/control-stream-client.ts';
import { policyFields } from '../support/policy-fields.ts';

let setup: ControlStreamSetup;
let deps: PolicyDependencies;
let node: ScriptedNode;
let organizationId: string;
let serial = 0;

beforeAll(async () => {
  setup = await setUpControlStream();
  const replica = await setup.replica();
  deps = { store: await setup.database.openStore(), policiesMax: 10_000, now: Date.now };
  organizationId = await setup.rows.addOrganization('acme');
  const groupId = await setup.rows.addGroup('group', [organizationId]);
  const { text: token } = await setup.rows.addToken(groupId, 'node');
  node = new ScriptedNode({ address: replica.address, token });
});

afterAll(async () => {
  await node.close();
  await setup.close();
});

/** What a change saved, once the node has it. */
async function saved(change: Promise<Outcome<SavedPolicy>>): Promise<Policy> {
  const outcome = await change;
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.violations));
  await node.holds(outcome.value.revision);
  return outcome.value.policy;
}

function create(fields: Partial<PolicyDefinition> = {}): Promise<Policy> {
  serial += 1;
  const definition = policyFields({ name: `policy-${serial}`, ...fields });
  return saved(createPolicy(deps, systemActor, { organizationId, ...definition }));
}

function update(policy: Policy, changes: Partial<PolicyDefinition>): Promise<Policy> {
  const { id, version } = policy;
  return saved(updatePolicy(deps, systemActor, { organizationId, id, version, ...changes }));
}

function move(policy: Policy, place: PolicyPlace): Promise<Policy> {
  const { id, version } = policy;
  return saved(movePolicy(deps, systemActor, { organizationId, id, version, place }));
}

/** A policy as the node holds it. */
function held(id: string) {
  const resource = node.get('Policy', id);
  return resource && contracts.resources.Policy.deserialize(resource.body);
}

/** Names of the policies that the node holds, in their order. */
function heldOrder(): string[] {
  const policies = node.names('Policy').flatMap((id) => held(id) ?? []);
  return policies.sort((a, b) => a.position - b.position).map(({ name }) => name);
}

/** Names of what the last range brought. */
function lastChanged(): string[] {
  return (node.ranges.at(-1)?.resources ?? []).map(({ type }) => type);
}

describe('a policy on a node’s stream', () => {
  test('arrives with all that it says', async () => {
    const policy = await create({
      effect: 'allow',
      mode: 'shadow',
      message: 'Ask the owner.',
      methods: ['tools/call'],
      tools: ['write_*', 'echo'],
      roles: ['agent'],
      subjects: ['user:1'],
      apiKeys: ['abcdefghijkl'],
      condition: 'args.path == "/tmp"',
    });
    expect(held(policy.id)).toMatchObject({
      id: policy.id,
      organizationId,
      name: policy.name,
      revision: 1,
      position: policy.position,
      effect: 'POLICY_EFFECT_ALLOW',
      mode: 'POLICY_MODE_SHADOW',
      message: 'Ask the owner.',
      servers: [],
      methods: ['tools/call'],
      tools: ['echo', 'write_*'],
      resources: [],
      prompts: [],
      roles: ['agent'],
      subjects: ['user:1'],
      apiKeys: ['abcdefghijkl'],
      condition: 'args.path == "/tmp"',
    });
  });

  test('leaves when it is disabled or deleted, and comes back as another revision', async () => {
    const policy = await create();
    const disabled = await update(policy, { enabled: false });
    expect(held(policy.id)).toBeUndefined();
    expect(node.ranges.at(-1)?.removed).toEqual([`Policy/${policy.id}`]);
    const enabled = await update(disabled, { enabled: true });
    expect(held(policy.id)?.revision).toBe(3);
    const { id, version } = enabled;
    await saved(deletePolicy(deps, systemActor, { organizationId, id, version }));
    expect(held(policy.id)).toBeUndefined();
  });

  test('moves alone', async () => {
    const [first, second, third] = [await create(), await create(), await create()];
    const moved = await move(third, { kind: 'before', policyId: second.id });
    expect(lastChanged()).toEqual(['Policy']);
    expect(held(third.id)?.revision).toBe(1);
    const names = [first, moved, second].map(({ name }) => name);
    expect(heldOrder().slice(-3)).toEqual(names);
    await move(second, { kind: 'first' });
    expect(heldOrder()[0]).toBe(second.name);
    expect(lastChanged()).toEqual(['Policy']);
  });

  test('moves with the others when there is no room between two', async () => {
    let [left, right] = [await create(), await create()];
    const bounds = heldOrder();
    let renumbered = 0;
    for (let turn = 0; turn < 20; turn += 1) {
      // Each time the right one goes between the two, and the two change their roles.
      const moved = await move(right, { kind: 'before', policyId: left.id });
      if (lastChanged().length > 1) renumbered += 1;
      [left, right] = [moved, left];
      right = (await update(right, { message: `turn ${turn}` })) ?? right;
    }
    expect(heldOrder().slice(0, -2)).toEqual(bounds.slice(0, -2));
    expect(renumbered).toBe(1);
  });
});

describe('what a node closes that can’t use a policy', () => {
  const scopeOf = (policy: Policy) => node.get('Policy', policy.id)?.scope?.serverIds;

  test('is the servers that it names, as long as it names servers alone', async () => {
    const files = await setup.rows.addServer(organizationId, 'files');
    const named = await create({ servers: ['files'] });
    const early = await create({ servers: ['files', 'mail'] });
    const pattern = await create({ servers: ['files', 'f*'] });
    const any = await create();
    expect([named, early, pattern, any].map(scopeOf)).toEqual([[files], [], [], []]);

    const mail = await setup.rows.addServer(organizationId, 'mail');
    await node.until('the scope', () => scopeOf(early)?.length === 2);
    expect(scopeOf(early)).toEqual([files, mail].sort());

    const rename = `update mcp_servers set slug = 'papers' where id = ?`;
    const touched = [
      { kind: 'server', id: files },
      { kind: 'server_names', id: organizationId },
    ] as const;
    const renamed = await setup.rows.change(organizationId, touched, (em) =>
      em.execute(rename, [files]),
    );
    await node.holds(renamed);
    expect([named, early].map(scopeOf)).toEqual([[], []]);
  });
});
