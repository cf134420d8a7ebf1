// Generated from proto/ by `npm run generate`; edit the .proto file.
import type { Long } from '@grpc/proto-loader';

export interface EventAcknowledgmentInput {
  'spoolId'?: (string);
  /**
   * Everything up to and including this sequence is committed or recorded as rejected.
   */
  'acknowledgedSequence'?: (number | string | Long);
  /**
   * Events of the batch that could not be written; they are kept in event_rejects.
   */
  'rejectedCount'?: (number);
}

export interface EventAcknowledgment {
  'spoolId': (string);
  /**
   * Everything up to and including this sequence is committed or recorded as rejected.
   */
  'acknowledgedSequence': (number);
  /**
   * Events of the batch that could not be written; they are kept in event_rejects.
   */
  'rejectedCount': (number);
}
