// Generated from proto/ by `npm run generate`; edit the .proto file.
import type { EventInput as _mcpgw_events_v1_EventInput, Event as _mcpgw_events_v1_Event } from '../../../mcpgw/events/v1/Event.ts';

export interface EventBatchInput {
  /**
   * Identity of the node's spool on disk (a UUID); a lost disk starts another.
   */
  'spoolId'?: (string);
  /**
   * Events in the order of their sequence, without gaps unless the spool dropped some.
   */
  'events'?: (_mcpgw_events_v1_EventInput)[];
}

export interface EventBatch {
  /**
   * Identity of the node's spool on disk (a UUID); a lost disk starts another.
   */
  'spoolId': (string);
  /**
   * Events in the order of their sequence, without gaps unless the spool dropped some.
   */
  'events': (_mcpgw_events_v1_Event)[];
}
