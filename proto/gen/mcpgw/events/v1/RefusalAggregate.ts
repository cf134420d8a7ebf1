// Generated from proto/ by `npm run generate`; edit the .proto file.
import type { Long } from '@grpc/proto-loader';

/**
 * Refusals of callers that were never identified, counted by reason and address block.
 */
export interface RefusalAggregateInput {
  'windowStartMs'?: (number | string | Long);
  'windowEndMs'?: (number | string | Long);
  'reason'?: (string);
  /**
   * IPv4 /24 or IPv6 /48 in CIDR notation.
   */
  'addressBlock'?: (string);
  'count'?: (number | string | Long);
  /**
   * Organization slug in the path when it exists; empty otherwise.
   */
  'organizationId'?: (string);
}

/**
 * Refusals of callers that were never identified, counted by reason and address block.
 */
export interface RefusalAggregate {
  'windowStartMs': (number);
  'windowEndMs': (number);
  'reason': (string);
  /**
   * IPv4 /24 or IPv6 /48 in CIDR notation.
   */
  'addressBlock': (string);
  'count': (number);
  /**
   * Organization slug in the path when it exists; empty otherwise.
   */
  'organizationId': (string);
}
