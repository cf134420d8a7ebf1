import { ServerCredentials } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { TlsIdentity } from '../../../data-plane/connection/tls-credentials.ts';
import { ControlPlaneDouble } from '../../support/control-plane-double.ts';
import { testCertificates } from '../../support/control-plane-double-certificates.ts';
import {
  eventually,
  NodeDisk,
  type TestNode,
  testNode,
} from '../../support/control-plane-double-node.ts';
import { sealKeyRing } from '../../support/control-plane-double-resources.ts';

const { authority, serverCertificate, serverKey, nodeCertificate, nodeKey } = testCertificates;
const trusting: TlsIdentity = {
  certificateAuthority: authority,
  certificate: undefined,
  privateKey: undefined,
  serverName: undefined,
};
const mutual = { ...trusting, certificate: nodeCertificate, privateKey: nodeKey };

let disk: NodeDisk;
let control: ControlPlaneDouble;
let node: TestNode | undefined;

beforeEach(async () => {
  disk = await NodeDisk.make();
});

afterEach(async () => {
  await node?.close();
  node = undefined;
  control.close();
  await disk.remove();
});

async function connect(tls: TlsIdentity, options: { nodeMustShowCertificate: boolean }) {
  const pair = { cert_chain: serverCertificate, private_key: serverKey };
  const credentials = ServerCredentials.createSsl(
    authority,
    [pair],
    options.nodeMustShowCertificate,
  );
  control = await ControlPlaneDouble.start({ credentials });
  node = await testNode(disk, [], {
    connection: { addresses: [control.address], tls },
    startWaitMs: 100,
  });
  return { node, started: node.client.start() };
}

async function serves(tls: TlsIdentity, nodeMustShowCertificate: boolean): Promise<void> {
  const { node: connected } = await connect(tls, { nodeMustShowCertificate });
  const stream = await control.nextConfigStream();
  stream.welcome('epoch-1');
  stream.range({ from: 0, to: 1, resources: [sealKeyRing()] });
  expect((await connected.snapshot(() => true)).revision).toBe(1);
}

async function fails(tls: TlsIdentity, nodeMustShowCertificate: boolean): Promise<void> {
  const { node: refused, started } = await connect(tls, { nodeMustShowCertificate });
  await eventually(() => refused.client.status().lastError !== '', 'the refusal');
  await started;
  expect(refused.client.status().nodeName).toBe('');
}

describe('TLS', () => {
  test('carries the stream when the authority is known', () => serves(trusting, false));

  test('is checked for the name that is set', () =>
    serves({ ...trusting, serverName: 'control.test' }, false));

  test('fails for another name', () => fails({ ...trusting, serverName: 'other.test' }, false));

  test('fails when the authority is unknown', () =>
    fails({ ...trusting, certificateAuthority: undefined }, false));

  test('can be mutual', () => serves(mutual, true));

  test('fails without the certificate that the control plane asks for', () =>
    fails(trusting, true));
});
