import type { EndpointEntry } from '../snapshot/snapshot.ts';
import type { UpstreamSink, UpstreamTransport } from '../upstream/upstream-transport.ts';
import type { Admitted } from './limit.ts';
import { requestIdText } from './local-reply.ts';
import { sessionHeaders } from './upstream-call.ts';

const timeoutMs = 5000;

/** Whatever the upstream says to it: a cancellation may come too late, and nobody waits for its answer. */
const nobody: UpstreamSink = {
  onHead: () => undefined,
  onData: () => undefined,
  onEnd: () => undefined,
  onFailure: () => undefined,
};

/** Ids of the requests as they went up; a handshake is never cancelled [2025-11-25/basic/utilities/cancellation]. */
function requestIds(call: Admitted): string[] {
  const { decoded } = call.permit.routed;
  const requests = decoded.messages.filter(
    (message) => message.kind === 'request' && message.method !== 'initialize',
  );
  if (decoded.messages.length === 1 && requests.length === 1) {
    return [requestIdText(decoded.identified.accepted.facts)];
  }
  return requests.map((message) => JSON.stringify(message.kind === 'request' ? message.id : null));
}

/**
 * Tells an upstream of the legacy era that nobody waits for its answer any more: there a closed connection
 * means nothing, whereas in the modern era it is the cancellation.
 */
export function sendCancelled(
  call: Admitted,
  endpoint: EndpointEntry,
  transport: UpstreamTransport,
): void {
  const { server, decoded } = call.permit.routed;
  if (decoded.era !== 'legacy') return;
  for (const id of requestIds(call)) {
    const params = `{"requestId":${id},"reason":"The caller’s access ended."}`;
    const body = `{"jsonrpc":"2.0","method":"notifications/cancelled","params":${params}}`;
    transport.open(
      {
        server,
        endpoint,
        method: 'POST',
        headers: {
          accept: 'application/json, text/event-stream',
          'content-type': 'application/json',
          ...sessionHeaders(call),
        },
        body: Buffer.from(body, 'utf8'),
        headTimeoutMs: timeoutMs,
        idleTimeoutMs: timeoutMs,
      },
      nobody,
    );
  }
}
