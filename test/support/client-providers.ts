import type { StartGateway } from './client-gateway.ts';
import { startProduct } from './client-product.ts';
import { connectSdk1 } from './client-sdk1.ts';
import { connectSdk2 } from './client-sdk2.ts';
import type { ConnectClient } from './client-session.ts';

/** No gateway at all: what a client must be able to do, proved against the upstream itself. */
const startDirect: StartGateway = async () => ({
  serve: async ({ url }) => ({ url, apiKey: 'none-needed' }),
  close: async () => undefined,
});

/** The ways to an upstream. Each client test runs on all, so that a failure tells the gateway's fault from the upstream's. */
export const providers: readonly (readonly [string, StartGateway])[] = [
  ['directly', startDirect],
  ['through the gateway', startProduct],
];

/** The clients, and the era that each speaks with a server of both. */
export const clients: readonly (readonly [string, ConnectClient, 'legacy' | 'modern'])[] = [
  ['SDK 1.32', connectSdk1, 'legacy'],
  ['SDK 2.4 (legacy)', connectSdk2('legacy'), 'legacy'],
  ['SDK 2.4 (auto)', connectSdk2('auto'), 'modern'],
];

/** Bound on starting a provider with its upstreams, in milliseconds: PostgreSQL, control plane and node. */
export const startTimeoutMs = 90_000;
