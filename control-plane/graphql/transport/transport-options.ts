import type { Logger } from '../../../common/logging.ts';
import type { AccessTokens } from '../../identity/access-token.ts';
import type { ClientAddress } from '../client-address.ts';
import type { ApiServices } from '../context.ts';
import type { SubscriptionRules } from '../subscription-operation.ts';

/** What every transport of subscriptions needs. */
export interface TransportOptions {
  readonly services: ApiServices;
  readonly tokens: AccessTokens;
  readonly rules: SubscriptionRules;
  readonly logger: Logger;
  /** Where a request, or the one that a connection began with, comes from. */
  readonly clientAddress: ClientAddress;
  /** A trace id for what comes without one. */
  readonly newTraceId: () => string;
  /** How long a connection may take to close, in milliseconds. */
  readonly closeTimeoutMs: number;
}
