import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createWebsocketClient } from 'graphql-ws';
import { fetch } from 'undici';
import { WebSocket } from 'ws';
import type { Replica } from './graphql-harness.ts';

export interface Received {
  readonly data?: Record<string, unknown> | null;
  readonly errors?: readonly { readonly extensions: { readonly code: string } }[];
}

/** What a subscriber received, as it comes. */
export class Inbox {
  readonly items: Received[] = [];
  readonly ended: Promise<unknown>;
  readonly #waiting = new Set<() => void>();
  #end: (reason: unknown) => void = () => undefined;
  dispose: () => void = () => undefined;

  constructor() {
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  readonly sink = {
    next: (item: unknown) => {
      this.items.push(item as Received);
      for (const wake of this.#waiting) wake();
    },
    error: (error: unknown) => this.#end(error),
    complete: () => this.#end('complete'),
  };

  /** Resolves once `count` items are there; fails after 10 s. */
  async has(count: number): Promise<void> {
    const deadline = AbortSignal.timeout(10_000);
    while (this.items.length < count) {
      await new Promise<void>((resolve, reject) => {
        const wake = () => {
          this.#waiting.delete(wake);
          resolve();
        };
        this.#waiting.add(wake);
        deadline.addEventListener('abort', () =>
          reject(new Error(`${this.items.length} of ${count} items`)),
        );
      });
    }
  }
}

export type SubscriptionTransport = 'websocket' | 'sse';
export const subscriptionTransports = ['websocket', 'sse'] as const;

export interface SubscriptionPayload {
  readonly query: string;
  readonly variables?: Record<string, unknown>;
  readonly extensions?: Record<string, unknown>;
}

/** Subscribers of a test, which ends them all. */
export class Subscribers {
  readonly #disposals: (() => unknown)[] = [];

  websocketClient(replica: Replica, accessToken: string) {
    const client = createWebsocketClient({
      url: replica.url.replace('http', 'ws'),
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${accessToken}` },
      retryAttempts: 0,
    });
    this.#disposals.push(() => client.dispose());
    return client;
  }

  #sseClient(replica: Replica, accessToken: string) {
    const client = createSseClient({
      url: `${replica.origin}/graphql/stream`,
      headers: { authorization: `Bearer ${accessToken}` },
      retryAttempts: 0,
      fetchFn: fetch,
    });
    this.#disposals.push(() => client.dispose());
    return client;
  }

  /** Subscribes over its own connection. */
  open(
    transport: SubscriptionTransport,
    replica: Replica,
    payload: SubscriptionPayload | string,
    accessToken: string,
  ): Inbox {
    const inbox = new Inbox();
    const client =
      transport === 'websocket'
        ? this.websocketClient(replica, accessToken)
        : this.#sseClient(replica, accessToken);
    const request = typeof payload === 'string' ? { query: payload } : payload;
    inbox.dispose = client.subscribe(request, inbox.sink);
    return inbox;
  }

  async end(): Promise<void> {
    for (const dispose of this.#disposals.splice(0)) await dispose();
  }
}

/** Resolves once the replica holds this many subscriptions. */
export async function untilSubscribed(replica: Replica, count: number): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const metrics = await (await fetch(`${replica.origin}/metrics`)).text();
    if (metrics.includes(`\nmcpgw_graphql_subscriptions ${count}\n`)) return;
    if (Date.now() > deadline) throw new Error(metrics);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
