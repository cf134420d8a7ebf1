// Generated from proto/ by `npm run generate`; edit the .proto file.
import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { CallRecordInput as _mcpgw_events_v1_CallRecordInput, CallRecord as _mcpgw_events_v1_CallRecord } from './mcpgw/events/v1/CallRecord.ts';
import type { EventInput as _mcpgw_events_v1_EventInput, Event as _mcpgw_events_v1_Event } from './mcpgw/events/v1/Event.ts';
import type { EventAcknowledgmentInput as _mcpgw_events_v1_EventAcknowledgmentInput, EventAcknowledgment as _mcpgw_events_v1_EventAcknowledgment } from './mcpgw/events/v1/EventAcknowledgment.ts';
import type { EventBatchInput as _mcpgw_events_v1_EventBatchInput, EventBatch as _mcpgw_events_v1_EventBatch } from './mcpgw/events/v1/EventBatch.ts';
import type { EventIngestClient as _mcpgw_events_v1_EventIngestClient, EventIngestDefinition as _mcpgw_events_v1_EventIngestDefinition } from './mcpgw/events/v1/EventIngest.ts';
import type { RecordedHeaderInput as _mcpgw_events_v1_RecordedHeaderInput, RecordedHeader as _mcpgw_events_v1_RecordedHeader } from './mcpgw/events/v1/RecordedHeader.ts';
import type { RefusalAggregateInput as _mcpgw_events_v1_RefusalAggregateInput, RefusalAggregate as _mcpgw_events_v1_RefusalAggregate } from './mcpgw/events/v1/RefusalAggregate.ts';
import type { ShadowDecisionInput as _mcpgw_events_v1_ShadowDecisionInput, ShadowDecision as _mcpgw_events_v1_ShadowDecision } from './mcpgw/events/v1/ShadowDecision.ts';
import type { SpoolGapInput as _mcpgw_events_v1_SpoolGapInput, SpoolGap as _mcpgw_events_v1_SpoolGap } from './mcpgw/events/v1/SpoolGap.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  mcpgw: {
    events: {
      v1: {
        ArgumentState: EnumTypeDefinition
        CallPhase: EnumTypeDefinition
        CallRecord: MessageTypeDefinition<_mcpgw_events_v1_CallRecordInput, _mcpgw_events_v1_CallRecord>
        Decision: EnumTypeDefinition
        Event: MessageTypeDefinition<_mcpgw_events_v1_EventInput, _mcpgw_events_v1_Event>
        EventAcknowledgment: MessageTypeDefinition<_mcpgw_events_v1_EventAcknowledgmentInput, _mcpgw_events_v1_EventAcknowledgment>
        EventBatch: MessageTypeDefinition<_mcpgw_events_v1_EventBatchInput, _mcpgw_events_v1_EventBatch>
        EventIngest: SubtypeConstructor<typeof grpc.Client, _mcpgw_events_v1_EventIngestClient> & { service: _mcpgw_events_v1_EventIngestDefinition }
        RecordedHeader: MessageTypeDefinition<_mcpgw_events_v1_RecordedHeaderInput, _mcpgw_events_v1_RecordedHeader>
        RefusalAggregate: MessageTypeDefinition<_mcpgw_events_v1_RefusalAggregateInput, _mcpgw_events_v1_RefusalAggregate>
        ShadowDecision: MessageTypeDefinition<_mcpgw_events_v1_ShadowDecisionInput, _mcpgw_events_v1_ShadowDecision>
        ShadowOutcome: EnumTypeDefinition
        SpoolGap: MessageTypeDefinition<_mcpgw_events_v1_SpoolGapInput, _mcpgw_events_v1_SpoolGap>
      }
    }
  }
}
