import type { z } from 'zod';
import { count, milliseconds } from '../common/setting-types.ts';
import { graphqlBoundsDefault as fallback, type GraphqlBounds } from './graphql/graphql-bounds.ts';

const day = 86_400_000;

function number(min: number, max: number, value: number, text: string): z.ZodDefault<z.ZodNumber> {
  return count(min, max).default(value).describe(text);
}

function time(value: number, text: string): z.ZodDefault<z.ZodNumber> {
  return milliseconds(1, day).default(value).describe(text);
}

/** Bounds of the GraphQL API, all of one replica where nothing else is said. */
export const graphqlBounds = {
  graphqlDepthMax: number(1, 100, fallback.depthMax, 'Deepest selection of an operation.'),
  graphqlCostMax: number(1, 1_000_000, fallback.costMax, 'Largest cost of an operation.'),
  graphqlAliasesMax: number(0, 1000, fallback.aliasesMax, 'Aliases in an operation.'),
  graphqlTokensMax: number(10, 100_000, fallback.tokensMax, 'Lexical tokens of a document.'),
  graphqlPageSizeMax: number(
    1,
    10_000,
    fallback.pageSizeMax,
    'Largest page that may be asked for.',
  ),
  graphqlPageSizeDefault: number(
    1,
    10_000,
    fallback.pageSizeDefault,
    'Page when no size is asked for; the largest page where that is smaller.',
  ),
  graphqlBodyBytesMax: number(
    1024,
    64 * 1024 * 1024,
    fallback.bodyBytesMax,
    'Largest request body.',
  ),
  graphqlPersistedDocumentsMax: number(
    1,
    1_000_000,
    fallback.persistedDocumentsMax,
    'Documents kept for automatic persisted queries.',
  ),
  graphqlPersistedCharactersMax: number(
    1024,
    1_000_000_000,
    fallback.persistedCharactersMax,
    'Characters of those documents together.',
  ),
  graphqlRequestTimeoutMs: time(fallback.requestTimeoutMs, 'Until a request is whole.'),
  graphqlSubscriptionsMax: number(
    1,
    10_000,
    fallback.subscriptionsPerConnectionMax,
    'Subscriptions of one connection.',
  ),
  graphqlReplicaSubscriptionsMax: number(
    1,
    1_000_000,
    fallback.subscriptionsMax,
    'Subscriptions of all connections.',
  ),
  graphqlSubscriptionBacklogMax: number(
    1,
    1_000_000,
    fallback.backlogMax,
    'Events that a subscriber may be behind before its subscription ends.',
  ),
  graphqlSubscriptionStallTimeoutMs: time(
    fallback.stallMsMax,
    'How long a subscriber may take over the events of one read.',
  ),
  graphqlWebsocketsMax: number(1, 1_000_000, fallback.websocketConnectionsMax, 'Open WebSockets.'),
  graphqlWebsocketInitTimeoutMs: time(
    fallback.websocketInitTimeoutMs,
    'From a WebSocket to its first protocol message.',
  ),
  graphqlPingIntervalMs: time(fallback.pingIntervalMs, 'Between signs of life on an idle stream.'),
  graphqlCloseTimeoutMs: time(
    fallback.closeTimeoutMs,
    'For a WebSocket to close when the replica ends.',
  ),
};

/** Bounds on what an organization may hold. */
export const organizationBounds = {
  organizationPoliciesMax: number(0, 20_000, fallback.policiesMax, 'Policies of an organization.'),
  simulationsMax: number(
    0,
    100,
    fallback.simulationsMax,
    'Simulations of policies that one replica runs at the same time.',
  ),
  simulationCallsMax: number(
    1,
    100_000_000,
    fallback.simulationCallsMax,
    'Recorded calls that one simulation of policies looks at, the newest ones.',
  ),
  simulationTimeoutMs: number(
    1,
    3_600_000,
    fallback.simulationMsMax,
    'Longest that one simulation of policies takes.',
  ),
};

/** Bounds of logging in. */
export const loginBounds = {
  accessTokenLifetimeMs: time(fallback.accessTokenLifetimeMs, 'How long an access token is good.'),
  sessionLifetimeMs: milliseconds(60_000, 365 * day)
    .default(fallback.sessionLifetimeMs)
    .describe('How long a session lasts at most, however often it is refreshed.'),
  sessionIdleTimeoutMs: milliseconds(60_000, 90 * day)
    .default(fallback.sessionIdleTimeoutMs)
    .describe('How long a session lasts without being refreshed.'),
  invitationLifetimeMs: milliseconds(60_000, 90 * day)
    .default(fallback.invitationLifetimeMs)
    .describe('How long an invitation can be accepted.'),
  passwordResetLifetimeMs: milliseconds(60_000, 7 * day)
    .default(fallback.passwordResetLifetimeMs)
    .describe('How long a token for a new password can be used.'),
  passwordConcurrencyMax: number(
    1,
    1000,
    fallback.passwordConcurrencyMax,
    'Passwords checked at the same time, 19 MiB each.',
  ),
  passwordWaitingMax: number(
    0,
    100_000,
    fallback.passwordWaitingMax,
    'Log-ins that wait for their check; more are refused.',
  ),
  loginAccountFailuresMax: number(
    1,
    1_000_000,
    fallback.accountFailuresMax,
    'Failed log-ins of one account in a window; from then on each blocks it, for longer each time.',
  ),
  loginAddressFailuresMax: number(
    1,
    1_000_000,
    fallback.addressFailuresMax,
    'Failed log-ins from one address (IPv6: /64) in a window; from then on each blocks it, for longer each time.',
  ),
  loginAddressAwayMax: number(
    1,
    1_000_000,
    fallback.addressLoginsAwayMax,
    'Log-ins from one address (IPv6: /64) that went to an issuer in a window and have not come back; from then on each blocks it, for longer each time.',
  ),
  loginIssuerAwayMax: number(
    1,
    1_000_000,
    fallback.issuerLoginsAwayMax,
    'Log-ins that are on their way through one issuer; a further one ends the oldest.',
  ),
  loginFailureWindowMs: time(fallback.failureWindowMs, 'Window that failed log-ins count in.'),
  loginBlockMsMax: milliseconds(1000, 3_600_000)
    .default(fallback.loginBlockMsMax)
    .describe('Longest that failed log-ins block an account or an address.'),
};

type BoundSettings = Readonly<
  Record<
    | keyof typeof graphqlBounds
    | keyof typeof loginBounds
    | keyof typeof organizationBounds
    | 'drainTimeoutMs',
    number
  >
>;

/** The settings as the GraphQL API takes them. */
export function graphqlBoundsOf(config: BoundSettings): GraphqlBounds {
  return {
    depthMax: config.graphqlDepthMax,
    costMax: config.graphqlCostMax,
    aliasesMax: config.graphqlAliasesMax,
    tokensMax: config.graphqlTokensMax,
    pageSizeMax: config.graphqlPageSizeMax,
    pageSizeDefault: Math.min(config.graphqlPageSizeDefault, config.graphqlPageSizeMax),
    persistedDocumentsMax: config.graphqlPersistedDocumentsMax,
    persistedCharactersMax: config.graphqlPersistedCharactersMax,
    bodyBytesMax: config.graphqlBodyBytesMax,
    requestTimeoutMs: config.graphqlRequestTimeoutMs,
    subscriptionsPerConnectionMax: config.graphqlSubscriptionsMax,
    subscriptionsMax: config.graphqlReplicaSubscriptionsMax,
    backlogMax: config.graphqlSubscriptionBacklogMax,
    stallMsMax: config.graphqlSubscriptionStallTimeoutMs,
    websocketConnectionsMax: config.graphqlWebsocketsMax,
    websocketInitTimeoutMs: config.graphqlWebsocketInitTimeoutMs,
    pingIntervalMs: config.graphqlPingIntervalMs,
    closeTimeoutMs: config.graphqlCloseTimeoutMs,
    drainTimeoutMs: config.drainTimeoutMs,
    accessTokenLifetimeMs: config.accessTokenLifetimeMs,
    passwordConcurrencyMax: config.passwordConcurrencyMax,
    passwordWaitingMax: config.passwordWaitingMax,
    accountFailuresMax: config.loginAccountFailuresMax,
    addressFailuresMax: config.loginAddressFailuresMax,
    addressLoginsAwayMax: config.loginAddressAwayMax,
    issuerLoginsAwayMax: config.loginIssuerAwayMax,
    failureWindowMs: config.loginFailureWindowMs,
    loginBlockMsMax: config.loginBlockMsMax,
    sessionLifetimeMs: config.sessionLifetimeMs,
    sessionIdleTimeoutMs: config.sessionIdleTimeoutMs,
    invitationLifetimeMs: config.invitationLifetimeMs,
    policiesMax: config.organizationPoliciesMax,
    simulationsMax: config.simulationsMax,
    simulationCallsMax: config.simulationCallsMax,
    simulationMsMax: config.simulationTimeoutMs,
    passwordResetLifetimeMs: config.passwordResetLifetimeMs,
  };
}
