import type { OperationBounds } from './operation-bounds.ts';
import type { DocumentCacheBounds } from './persisted/document-cache.ts';
import type { SubscriptionBounds } from './subscription/subscription-hub.ts';

/** Every bound of the GraphQL API; all can be set. */
export interface GraphqlBounds extends OperationBounds, SubscriptionBounds, DocumentCacheBounds {
  /** Body of a request, and message of a WebSocket, in bytes. */
  readonly bodyBytesMax: number;
  readonly subscriptionsPerConnectionMax: number;
  /** WebSocket connections of one replica. */
  readonly websocketConnectionsMax: number;
  /** From the connection to its first protocol message. */
  readonly websocketInitTimeoutMs: number;
  /** Between signs of life on an idle stream. */
  readonly pingIntervalMs: number;
  /** For the whole of a request to arrive. */
  readonly requestTimeoutMs: number;
  /** For a connection to close when the server does. */
  readonly closeTimeoutMs: number;
  /** For requests in work to be answered when the server closes. */
  readonly drainTimeoutMs: number;
  readonly accessTokenLifetimeMs: number;
  /** From a log-in to the session's end, and from one refresh to the next. */
  readonly sessionLifetimeMs: number;
  readonly sessionIdleTimeoutMs: number;
  /** How long what is handed to somebody once can be used. */
  readonly invitationLifetimeMs: number;
  readonly passwordResetLifetimeMs: number;
  /** Passwords checked at the same time, 19 MiB each. */
  readonly passwordConcurrencyMax: number;
  readonly passwordWaitingMax: number;
  /** Failed log-ins of one account, and from one address, in a window. */
  readonly accountFailuresMax: number;
  readonly addressFailuresMax: number;
  readonly failureWindowMs: number;
  /** Log-ins that went to an issuer and have not come back, of one address, and through one issuer. */
  readonly addressLoginsAwayMax: number;
  readonly issuerLoginsAwayMax: number;
  /** Policies of one organization. */
  readonly policiesMax: number;
  /** Simulations of policies that one replica runs at the same time. */
  readonly simulationsMax: number;
  /** Recorded calls that one simulation looks at. */
  readonly simulationCallsMax: number;
  /** Longest that one simulation takes. */
  readonly simulationMsMax: number;
  /** Longest that failures block an account or an address. */
  readonly loginBlockMsMax: number;
}

const dayMs = 24 * 60 * 60 * 1000;

export const graphqlBoundsDefault: GraphqlBounds = {
  depthMax: 12,
  costMax: 5000,
  aliasesMax: 30,
  tokensMax: 2000,
  pageSizeMax: 100,
  pageSizeDefault: 25,
  bodyBytesMax: 1024 * 1024,
  persistedDocumentsMax: 1000,
  persistedCharactersMax: 4 * 1024 * 1024,
  subscriptionsPerConnectionMax: 50,
  subscriptionsMax: 5000,
  backlogMax: 5000,
  stallMsMax: 30_000,
  websocketConnectionsMax: 1000,
  websocketInitTimeoutMs: 5000,
  pingIntervalMs: 12_000,
  requestTimeoutMs: 30_000,
  closeTimeoutMs: 2000,
  drainTimeoutMs: 10_000,
  accessTokenLifetimeMs: 15 * 60 * 1000,
  sessionLifetimeMs: 30 * dayMs,
  sessionIdleTimeoutMs: 7 * dayMs,
  invitationLifetimeMs: 7 * dayMs,
  passwordResetLifetimeMs: dayMs,
  passwordConcurrencyMax: 2,
  passwordWaitingMax: 50,
  accountFailuresMax: 10,
  addressFailuresMax: 50,
  failureWindowMs: 15 * 60 * 1000,
  addressLoginsAwayMax: 100,
  issuerLoginsAwayMax: 10_000,
  loginBlockMsMax: 5 * 60 * 1000,
  policiesMax: 10_000,
  simulationsMax: 2,
  simulationCallsMax: 500_000,
  simulationMsMax: 120_000,
};
