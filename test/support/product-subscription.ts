import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createWebsocketClient } from 'graphql-ws';
import { fetch } from 'undici';
import { WebSocket } from 'ws';
import { Inbox } from './client-inbox.ts';

/** A record as a subscriber sees it. */
export interface SubscribedRecord {
  readonly callId: string;
  readonly phase: string;
  readonly traceId: string;
}

interface SubscriptionEvent {
  readonly data?: { readonly requestLogAdded: SubscribedRecord } | null;
  readonly errors?: unknown;
}

export type SubscriptionTransport = 'WebSocket' | 'SSE';

export interface RecordSubscription {
  readonly received: Inbox<SubscribedRecord>;
  /** Resolves when the server or the connection ends it. */
  readonly ended: Promise<unknown>;
  close(): Promise<void>;
}

/** Where and as whom to subscribe. */
export interface Subscriber {
  /** `http://host:port` of a replica. */
  readonly origin: string;
  readonly accessToken: string;
  readonly organizationId: string;
}

function client(transport: SubscriptionTransport, { origin, accessToken }: Subscriber) {
  const authorization = `Bearer ${accessToken}`;
  if (transport === 'SSE') {
    return createSseClient({
      url: `${origin}/graphql/stream`,
      headers: { authorization },
      retryAttempts: 0,
      fetchFn: fetch,
    });
  }
  return createWebsocketClient({
    url: `${origin.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization },
    retryAttempts: 0,
  });
}

/** Follows the records of an organization's calls on one replica, without connecting again. */
export function followRecords(
  transport: SubscriptionTransport,
  subscriber: Subscriber,
): RecordSubscription {
  const received = new Inbox<SubscribedRecord>();
  const ended = Promise.withResolvers<unknown>();
  const graphql = client(transport, subscriber);
  graphql.subscribe(
    {
      query:
        'subscription ($organizationId: ID!) { requestLogAdded(organizationId: $organizationId) { callId phase traceId } }',
      variables: { organizationId: subscriber.organizationId },
    },
    {
      next: (item: object) => {
        const { data, errors } = item as SubscriptionEvent;
        if (data) received.push(data.requestLogAdded);
        else ended.resolve(errors);
      },
      error: (error: unknown) => ended.resolve(error),
      complete: () => ended.resolve('complete'),
    },
  );
  return { received, ended: ended.promise, close: async () => graphql.dispose() };
}
