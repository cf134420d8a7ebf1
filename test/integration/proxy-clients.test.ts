import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type ReasonCode, reasons } from '../../common/reasons.ts';
import type { ServerEntry } from '../../data-plane/snapshot/snapshot.ts';
import { clients } from '../support/client-providers.ts';
import { ProxyHarness } from '../support/proxy-harness.ts';
import {
  type ReferenceUpstream,
  startReferenceUpstream,
} from '../support/reference-upstream/reference-upstream.ts';

let node: ProxyHarness;
let upstream: ReferenceUpstream;

beforeEach(async () => {
  upstream = await startReferenceUpstream(0);
  node = await new ProxyHarness().start();
});

afterEach(async () => {
  await node.close();
  await upstream.close();
});

interface Refusal {
  readonly reason: ReasonCode;
  /** What the automatic probe of SDK 2.4 says instead, where it stops at the status. */
  readonly probed?: string;
  readonly fields?: Partial<ServerEntry>;
  readonly key?: string;
  readonly slug?: string;
  readonly closed?: true;
}

const atConnect: readonly Refusal[] = [
  { reason: 'credential_invalid', key: 'wrong', probed: 'HTTP 401' },
  { reason: 'server_not_found', slug: 'another' },
  { reason: 'server_disabled', fields: { enabled: false }, probed: 'HTTP 503' },
  { reason: 'configuration_refused', closed: true, probed: 'HTTP 403' },
];

/** What happens to a call of a client that is connected. */
const atCall: readonly (readonly [ReasonCode, () => unknown])[] = [
  ['server_disabled', () => node.serve('plain', upstream.url, { enabled: false })],
  [
    'configuration_refused',
    () => node.snapshot.closed.set('server-acme-plain', { type: 'Policy', name: 'p' }),
  ],
  ['credential_invalid', () => node.snapshot.apiKeys.clear()],
  ['server_not_found', () => node.snapshot.servers.clear()],
  ['upstream_connect_failed', () => upstream.close()],
];

describe.each(clients)('the user of %s', (name, connect) => {
  test.each(atConnect)('is told $reason when connecting', async (refusal) => {
    const url = node.serve('plain', upstream.url, { era: 'dual', ...refusal.fields });
    if (refusal.closed)
      node.snapshot.closed.set('server-acme-plain', { type: 'Policy', name: 'p' });
    const route = {
      url: url.replace('plain', refusal.slug ?? 'plain'),
      apiKey: refusal.key ?? node.key,
    };
    const probed = name.includes('auto') ? refusal.probed : undefined;
    await expect(connect(route)).rejects.toThrow(probed ?? reasons[refusal.reason].message);
  });

  test.each(atCall)('is told %s within a call', async (reason, happen) => {
    const url = node.serve('plain', upstream.url, { era: 'dual' });
    const session = await connect({ url, apiKey: node.key });
    try {
      await happen();
      await expect(session.call('test_simple_text')).rejects.toThrow(reasons[reason].message);
    } finally {
      await session.close();
    }
  });
});
