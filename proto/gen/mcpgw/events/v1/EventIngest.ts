// Generated from proto/ by `npm run generate`; edit the .proto file.
import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { EventAcknowledgmentInput as _mcpgw_events_v1_EventAcknowledgmentInput, EventAcknowledgment as _mcpgw_events_v1_EventAcknowledgment } from '../../../mcpgw/events/v1/EventAcknowledgment.ts';
import type { EventBatchInput as _mcpgw_events_v1_EventBatchInput, EventBatch as _mcpgw_events_v1_EventBatch } from '../../../mcpgw/events/v1/EventBatch.ts';

export interface EventIngestClient extends grpc.Client {
  /**
   * The node authenticates with its node token in the metadata. Several batches may be in flight.
   */
  StreamEvents(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_mcpgw_events_v1_EventBatchInput, _mcpgw_events_v1_EventAcknowledgment>;
  StreamEvents(options?: grpc.CallOptions): grpc.ClientDuplexStream<_mcpgw_events_v1_EventBatchInput, _mcpgw_events_v1_EventAcknowledgment>;
  /**
   * The node authenticates with its node token in the metadata. Several batches may be in flight.
   */
  streamEvents(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_mcpgw_events_v1_EventBatchInput, _mcpgw_events_v1_EventAcknowledgment>;
  streamEvents(options?: grpc.CallOptions): grpc.ClientDuplexStream<_mcpgw_events_v1_EventBatchInput, _mcpgw_events_v1_EventAcknowledgment>;
  
}

export interface EventIngestHandlers extends grpc.UntypedServiceImplementation {
  /**
   * The node authenticates with its node token in the metadata. Several batches may be in flight.
   */
  StreamEvents: grpc.handleBidiStreamingCall<_mcpgw_events_v1_EventBatch, _mcpgw_events_v1_EventAcknowledgmentInput>;
  
}

export interface EventIngestDefinition extends grpc.ServiceDefinition {
  StreamEvents: MethodDefinition<_mcpgw_events_v1_EventBatchInput, _mcpgw_events_v1_EventAcknowledgmentInput, _mcpgw_events_v1_EventBatch, _mcpgw_events_v1_EventAcknowledgment>
}
