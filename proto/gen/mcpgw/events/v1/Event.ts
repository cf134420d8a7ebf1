// Generated from proto/ by `npm run generate`; edit the .proto file.
import type { CallRecordInput as _mcpgw_events_v1_CallRecordInput, CallRecord as _mcpgw_events_v1_CallRecord } from '../../../mcpgw/events/v1/CallRecord.ts';
import type { RefusalAggregateInput as _mcpgw_events_v1_RefusalAggregateInput, RefusalAggregate as _mcpgw_events_v1_RefusalAggregate } from '../../../mcpgw/events/v1/RefusalAggregate.ts';
import type { SpoolGapInput as _mcpgw_events_v1_SpoolGapInput, SpoolGap as _mcpgw_events_v1_SpoolGap } from '../../../mcpgw/events/v1/SpoolGap.ts';
import type { Long } from '@grpc/proto-loader';

export interface EventInput {
  /**
   * Position in the spool, from 1.
   */
  'sequence'?: (number | string | Long);
  'call'?: (_mcpgw_events_v1_CallRecordInput | null);
  'refusals'?: (_mcpgw_events_v1_RefusalAggregateInput | null);
  'gap'?: (_mcpgw_events_v1_SpoolGapInput | null);
  'event'?: "call"|"refusals"|"gap";
}

export interface Event {
  /**
   * Position in the spool, from 1.
   */
  'sequence': (number);
  'call'?: (_mcpgw_events_v1_CallRecord | null);
  'refusals'?: (_mcpgw_events_v1_RefusalAggregate | null);
  'gap'?: (_mcpgw_events_v1_SpoolGap | null);
  'event'?: "call"|"refusals"|"gap";
}
