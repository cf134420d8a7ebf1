import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eventually } from '../support/control-stream.ts';
import { AgentSession } from '../support/product-agent.ts';
import { type Certificates, makeCertificates } from '../support/product-certificates.ts';
import { ProductCluster, type ServedOrganization } from '../support/product-cluster.ts';
import type { NodePart } from '../support/product-part.ts';

let certificates: Certificates;
let foreign: Certificates;
let cluster: ProductCluster;
let served: ServedOrganization;

function tlsOf({ controlPlaneFile, controlPlaneKeyFile }: Certificates) {
  return {
    MCPGW_GRPC_CERTIFICATE_FILE: controlPlaneFile,
    MCPGW_GRPC_KEY_FILE: controlPlaneKeyFile,
  };
}

beforeAll(async () => {
  certificates = await makeCertificates();
  foreign = await makeCertificates();
  cluster = await ProductCluster.start({
    replicaEnvironment: tlsOf(certificates),
    nodeEnvironment: { MCPGW_CONTROL_PLANE_CA_FILE: certificates.caFile },
  });
  served = await cluster.serve('acme');
}, 90_000);

afterAll(async () => {
  await cluster.close();
  await Promise.all([certificates.remove(), foreign.remove()]);
});

/** Waits until an attempt to connect has failed, and makes sure that the node got nothing. */
async function expectShutOut(node: NodePart): Promise<void> {
  await eventually(
    () => node.discovery(),
    ({ lastError }) => lastError !== '',
  );
  expect(await node.readiness()).toMatchObject({ ready: false, revision: null });
}

test('a node reaches the control plane by TLS, and its records arrive', async () => {
  const node = cluster.node();
  expect((await node.discovery()).connection).toBe('connected');
  const session = await AgentSession.begin(served.route());
  const { traceId, status } = await session.call('test_simple_text');
  expect(status).toBe(200);
  await node.untilReported();
  const log = await cluster.admin.requestLog(served.organization.id);
  expect(log.filter((entry) => entry.traceId === traceId)).toHaveLength(1);
  await session.close();
});

test('a node that trusts another authority, or speaks plaintext, gets no configuration', async () => {
  await expectShutOut(await cluster.addNode({ MCPGW_CONTROL_PLANE_CA_FILE: foreign.caFile }));
  await expectShutOut(await cluster.addNode({ MCPGW_CONTROL_PLANE_CA_FILE: '' }));
});

test('where nodes must show a certificate, only one of the right authority is let in', async () => {
  const replica = await cluster.addReplica({ MCPGW_GRPC_CLIENT_CA_FILE: certificates.caFile });
  const withCertificate = ({ nodeFile, nodeKeyFile }: Certificates) =>
    cluster.addNode({ MCPGW_NODE_CERTIFICATE_FILE: nodeFile, MCPGW_NODE_KEY_FILE: nodeKeyFile }, [
      replica,
    ]);
  const known = await withCertificate(certificates);
  await known.untilConnected();
  expect(await known.readiness()).toMatchObject({ ready: true });
  await expectShutOut(await cluster.addNode({}, [replica]));
  await expectShutOut(await withCertificate(foreign));
});
