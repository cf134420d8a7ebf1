import { once } from 'node:events';
import net from 'node:net';
import type { ReasonCode } from '../../common/reasons.ts';
import type { ServerEntry } from '../../data-plane/snapshot/snapshot.ts';
import type { ClientRoute } from './client-gateway.ts';
import type { ConnectClient } from './client-session.ts';
import { ProxyHarness, type ProxyHarnessOptions } from './proxy-harness.ts';
import type { UpstreamServer } from './upstream-server.ts';

/** What the provocations are made of. */
export interface Stage {
  readonly harness: ProxyHarness;
  /** URL of the reference upstream. */
  readonly referenceUrl: string;
  /** An upstream that misbehaves; the path says how. */
  readonly faulty: UpstreamServer;
  /** Reasons in the request log of the last node that a provocation had for itself. */
  recorded: readonly string[];
}

/** Has a client do what the gateway answers by itself with this reason; rejects with what the client shows. */
export type Provocation = (stage: Stage, connect: ConnectClient) => Promise<unknown>;

let served = 0;

/** A new server of the harness in front of `url`, and a route to it. */
function route(
  { harness }: Stage,
  url: URL | string,
  fields: Partial<ServerEntry> = {},
): ClientRoute {
  served += 1;
  return { url: harness.serve(`server-${served}`, url, fields), apiKey: harness.key };
}

/** The upstream misbehaves at the client's first request already. */
function faultyUpstream(path: string, fields: Partial<ServerEntry> = {}): Provocation {
  return (stage, connect) => connect(route(stage, new URL(path, stage.faulty.url), fields));
}

/** The client's first request is refused by what it sends. */
function refusedRoute(change: (route: ClientRoute) => ClientRoute): Provocation {
  return (stage, connect) => connect(change(route(stage, stage.referenceUrl)));
}

/** A connected client's call is refused. */
function refusedCall(tool: string, args: Record<string, unknown>): Provocation {
  return async (stage, connect) => {
    await using session = await connect(route(stage, stage.referenceUrl));
    await session.call(tool, args);
  };
}

/** On a node of its own, for what concerns all who call it. */
function ownNode(options: ProxyHarnessOptions, provoke: Provocation): Provocation {
  return async (stage, connect) => {
    const harness = await new ProxyHarness(options).start();
    try {
      return await provoke({ ...stage, harness }, connect);
    } finally {
      stage.recorded = harness.recorder.records.map(({ reason }) => reason);
      await harness.close();
    }
  };
}

/** A node gives no stream to a client that wants to hear of changes. */
function refusedStream(
  options: ProxyHarnessOptions,
  change: (harness: ProxyHarness) => void = () => undefined,
): Provocation {
  return ownNode(options, async (stage, connect) => {
    change(stage.harness);
    await using session = await connect(route(stage, stage.referenceUrl));
    if (session.era === 'modern') {
      await session.watch('test://watched-resource');
      return;
    }
    // Opened in the background: the session goes on without it.
    const error = await session.errors.find(() => true);
    await session.call('test_simple_text');
    throw error;
  });
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level += 1) value = [value];
  return value;
}

/** Each reason that a client of an SDK can meet, and how. */
export const provocations: Readonly<Partial<Record<ReasonCode, Provocation>>> = {
  // Another address of this machine: the SDKs name the host that they connect to, whatever a header says.
  host_not_allowed: ownNode({ listener: { host: '127.0.0.2' } }, (stage, connect) =>
    connect(route(stage, stage.referenceUrl)),
  ),
  origin_not_allowed: refusedRoute((to) => ({
    ...to,
    headers: { origin: 'https://evil.example.com' },
  })),
  path_not_found: refusedRoute((to) => ({ ...to, url: to.url.replace(/\/mcp$/, '/sse') })),
  server_not_found: refusedRoute((to) => ({ ...to, url: to.url.replace(/server-\d+/, 'none') })),
  credential_missing: refusedRoute(({ url }) => ({ url, apiKey: undefined })),
  credential_invalid: refusedRoute(({ url }) => ({ url, apiKey: 'mcpgw_mistyped' })),
  credential_expired: (stage, connect) => {
    const { harness } = stage;
    const fields = { expiresAtMs: Date.now() - 1000 };
    const apiKey = harness.snapshot.addKey(harness.organization, 'user:2', fields);
    return connect({ ...route(stage, stage.referenceUrl), apiKey });
  },
  server_disabled: (stage, connect) =>
    connect(route(stage, stage.referenceUrl, { enabled: false })),
  headers_too_large: refusedRoute((to) => ({ ...to, headers: { 'x-long': 'x'.repeat(20_000) } })),
  body_too_large: refusedCall('test_simple_text', { filling: 'x'.repeat(5 * 1024 * 1024) }),
  json_too_deep: refusedCall('test_simple_text', { deep: nested(100) }),
  configuration_refused: (stage, connect) => {
    const to = route(stage, stage.referenceUrl);
    const id = `server-acme-${/server-\d+/.exec(to.url)?.[0]}`;
    stage.harness.snapshot.closed.set(id, { type: 'Policy', name: 'p' });
    return connect(to);
  },
  upstream_connect_failed: faultyUpstream('http://127.0.0.1:1/mcp', { era: 'dual' }),
  upstream_timeout: faultyUpstream('/silent', { era: 'dual', requestTimeoutMs: 100 }),
  upstream_closed: faultyUpstream('/closing', { era: 'dual' }),
  upstream_unauthorized: faultyUpstream('/unauthorized', { era: 'dual' }),
  upstream_redirected: faultyUpstream('/redirecting', { era: 'dual' }),
  upstream_invalid: faultyUpstream('/talking-html', { era: 'dual' }),
  upstream_failed: faultyUpstream('/failing', { era: 'dual' }),
  endpoint_unavailable: (stage, connect) => {
    const url = new URL(stage.referenceUrl);
    return connect(route(stage, url, { endpoints: [{ id: 'drained', url, weight: 0 }] }));
  },
  record_unavailable: async (stage, connect) => {
    const { harness } = stage;
    const strict = harness.snapshot.addOrganization('strict', { mustAudit: true });
    const apiKey = harness.snapshot.addKey(strict, 'user:3');
    harness.snapshot.addServer(strict, 'audited', [new URL(stage.referenceUrl)]);
    harness.recorder.room = false;
    try {
      await connect({ url: `${harness.baseUrl}/strict/audited/mcp`, apiKey });
    } finally {
      harness.recorder.room = true;
    }
  },
  connections_exhausted: ownNode({ listener: { connectionsMax: 1 } }, async (stage, connect) => {
    const other = net.connect(stage.harness.port, '127.0.0.1');
    try {
      await once(other, 'connect');
      await connect(route(stage, stage.referenceUrl));
    } finally {
      other.destroy();
    }
  }),
  streams_exhausted: refusedStream({ pipeline: { streamsMax: 0 } }),
  node_draining: refusedStream({}, ({ pipeline }) => pipeline.drain()),
  configuration_missing: ownNode({}, (stage, connect) => {
    stage.harness.withdrawSnapshot();
    return connect(route(stage, stage.referenceUrl));
  }),
  session_unknown: async (stage, connect) => {
    const to = route(stage, stage.referenceUrl);
    await using session = await connect(to);
    // Someone else ends the session: the client itself would forget its id.
    const ended = await fetch(to.url, {
      method: 'DELETE',
      headers: {
        authorization: `Bearer ${to.apiKey}`,
        'mcp-protocol-version': '2025-11-25',
        'mcp-session-id': String(session.sessionId),
      },
    });
    await ended.body?.cancel();
    await session.call('test_simple_text');
  },
};

/** Refused when a client is connected already; all others refuse its first request. */
export const refusedLater: ReadonlySet<string> = new Set([
  'body_too_large',
  'json_too_deep',
  'session_unknown',
  'streams_exhausted',
  'node_draining',
]);

/** Refuses a stream, which legacy clients open in the background. */
export const refusedInBackground: ReadonlySet<string> = new Set([
  'streams_exhausted',
  'node_draining',
]);
