import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eventually } from '../support/control-stream.ts';
import { AgentSession } from '../support/product-agent.ts';
import { ProductCluster, type ServedOrganization } from '../support/product-cluster.ts';

let cluster: ProductCluster;
let served: ServedOrganization;
let session: AgentSession;

beforeAll(async () => {
  cluster = await ProductCluster.start();
  served = await cluster.serve('ruled');
  session = await AgentSession.begin(served.route());
}, 90_000);

afterAll(async () => {
  await session.close();
  await cluster.close();
});

/** Calls until the answer is of this reason; undefined: allowed. */
function untilReason(tool: string, reason: string | undefined) {
  return eventually(
    () => session.call(tool),
    (answer) => answer.reason === reason,
  );
}

interface LoggedDecision {
  readonly traceId: string;
  readonly policy: { readonly name: string; readonly revision: number } | null;
  readonly shadowDecisions: readonly {
    readonly outcome: string;
    readonly policy: { readonly name: string };
  }[];
  readonly clientName: string;
  readonly credentialKind: string;
  readonly principalRoles: readonly string[];
}

async function logged(filter: object, traceId: string): Promise<LoggedDecision> {
  const query = `query ($id: ID!, $filter: RequestLogFilter) {
    organization(id: $id) {
      requestLogs(first: 20, filter: $filter) {
        nodes {
          traceId policy { name revision } shadowDecisions { outcome policy { name } }
          clientName credentialKind principalRoles
        }
      }
    }
  }`;
  type Found = { organization: { requestLogs: { nodes: LoggedDecision[] } } };
  const entries = await eventually(
    async () => {
      const variables = { id: served.organization.id, filter };
      const found = await cluster.admin.send<Found>(query, variables);
      return found.organization.requestLogs.nodes.filter((entry) => entry.traceId === traceId);
    },
    (found) => found.length > 0,
  );
  const [entry] = entries;
  if (entry === undefined) throw new Error('There is no entry.');
  return entry;
}

test('a policy that an admin writes decides on the node, and its name stands in the log', async () => {
  const policy = await cluster.admin.createPolicy(served.organization.id, 'no-texts', {
    tools: ['test_simple_*'],
    message: 'Use an image.',
  });
  const denied = await untilReason('test_simple_text', 'policy_denied');
  expect((await session.call('test_image_content')).reason).toBeUndefined();
  expect(await logged({ policyId: policy.id }, denied.traceId)).toMatchObject({
    policy: { name: 'no-texts', revision: 1 },
    clientName: 'agent',
    credentialKind: 'API_KEY',
    principalRoles: ['agent'],
  });

  await cluster.admin.updatePolicy(policy, { mode: 'SHADOW', name: 'maybe-no-texts' });
  const allowed = await untilReason('test_simple_text', undefined);
  expect(await logged({ wouldDeny: true }, allowed.traceId)).toMatchObject({
    policy: null,
    shadowDecisions: [{ outcome: 'WOULD_DENY', policy: { name: 'maybe-no-texts' } }],
  });

  await cluster.admin.updatePolicy(policy, { mode: 'ENFORCE' });
  await untilReason('test_simple_text', 'policy_denied');
  await cluster.admin.updatePolicy(policy, { enabled: false });
  await untilReason('test_simple_text', undefined);
});

test('a node that starts from its disk decides by the policies that it knew', async () => {
  const { id } = served.organization;
  await cluster.admin.createPolicy(id, 'no-images', { tools: ['test_image_content'] });
  const node = await cluster.addNode();
  const route = served.route(1);
  const before = await eventually(
    () => AgentSession.begin(route).catch(() => undefined),
    (begun) => begun !== undefined,
  );
  await eventually(
    async () => (await before?.call('test_image_content'))?.reason,
    (reason) => reason === 'policy_denied',
  );
  await before?.close();
  await node.untilCached();
  await node.kill9();
  await cluster.replica().kill9();
  await node.start();
  const after = await AgentSession.begin(served.route(1));
  expect((await after.call('test_image_content')).reason).toBe('policy_denied');
  expect((await after.call('test_simple_text')).reason).toBeUndefined();
  await after.close();
});
