import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { connectionType } from './connection.ts';
import { CallDecision, CallPhase, McpEra } from './enums.ts';
import { DateTime, SafeInt } from './scalars.ts';

@ObjectType('RequestLog', {
  description:
    'The record of a call, also of a refused one, or of the start or end of a long stream.',
})
export class RequestLogType {
  @Field(() => ID, { description: 'Identifies the entry.' })
  id!: string;

  @Field(() => ID, { description: 'The organization that was called.' })
  organizationId!: string;

  @Field(() => ID, { description: 'Identifies the call; a long stream’s start and end share it.' })
  callId!: string;

  @Field(() => CallPhase, { description: 'Which part of the call is recorded.' })
  phase!: string;

  @Field(() => DateTime, {
    description: 'When the control plane stored the entry; entries are ordered by it.',
  })
  receivedAt!: Date;

  @Field(() => DateTime, { description: 'When the call began, by the node’s clock.' })
  startedAt!: Date;

  @Field(() => ID, { description: 'The node that handled it.' })
  nodeId!: string;

  @Field(() => String, {
    description:
      'Stable subject of the caller, such as `user:<id>` or `service:<id>`; empty when it was never known.',
  })
  subject!: string;

  @Field(() => String, { description: 'Public id of the credential; empty when there was none.' })
  credentialId!: string;

  @Field(() => ID, {
    nullable: true,
    description: 'The server that was called; null when none was found.',
  })
  serverId!: string | null;

  @Field(() => ID, { nullable: true, description: 'The server’s endpoint that was used.' })
  endpointId!: string | null;

  @Field(() => McpEra, {
    nullable: true,
    description: 'Protocol family of the request; null when unknown.',
  })
  era!: string | null;

  @Field(() => String, {
    description:
      'JSON-RPC method, such as `tools/call`; `GET` or `DELETE` for those HTTP requests.',
  })
  method!: string;

  @Field(() => String, {
    description: 'Tool, prompt or resource that the method targets; empty: none.',
  })
  target!: string;

  @Field(() => CallDecision, { description: 'What became of the call.' })
  decision!: string;

  @Field(() => String, {
    description:
      'Stable reason of an answer made by the gateway; empty when the server’s answer was relayed.',
  })
  reason!: string;

  @Field(() => Int, { description: 'HTTP status of the answer.' })
  httpStatus!: number;

  @Field(() => Int, { description: 'JSON-RPC error code of the answer; 0: none.' })
  rpcErrorCode!: number;

  @Field(() => SafeInt, {
    description: 'Microseconds until the server’s answer began; 0: it was never asked.',
  })
  upstreamDurationUs!: number;

  @Field(() => SafeInt, {
    description: 'Microseconds from the request’s arrival to the end of the answer.',
  })
  totalDurationUs!: number;

  @Field(() => SafeInt, { description: 'Bytes of the request’s body.' })
  requestBytes!: number;

  @Field(() => SafeInt, { description: 'Bytes of the answer’s body.' })
  responseBytes!: number;

  @Field(() => String, { description: 'W3C trace id in hex; empty: none.' })
  traceId!: string;

  @Field(() => String, { description: 'Address of the caller as the node saw it.' })
  clientAddress!: string;

  @Field(() => SafeInt, { description: 'Revision of the configuration that decided the call.' })
  configRevision!: number;

  @Field(() => String, {
    description:
      'How the exchange ended for the client: `completed`, `client_closed`, `upstream_closed`, `timeout`, `drained`, `revoked` or `interrupted` (the node died; bytes and time are unknown).',
  })
  outcome!: string;
}

@InputType('RequestLogFilter', {
  description: 'Which entries to list or to follow; conditions are combined with “and”.',
})
export class RequestLogFilter {
  @Field(() => ID, { nullable: true, description: 'Only calls to this server.' })
  serverId?: string | null;

  @Field(() => ID, { nullable: true, description: 'Only calls that this node handled.' })
  nodeId?: string | null;

  @Field(() => String, { nullable: true, description: 'Only calls with this credential.' })
  credentialId?: string | null;

  @Field(() => String, { nullable: true, description: 'Only calls of this subject.' })
  subject?: string | null;

  @Field(() => String, { nullable: true, description: 'Only calls of this method.' })
  method?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Only calls to this tool, prompt or resource.',
  })
  target?: string | null;

  @Field(() => CallDecision, { nullable: true, description: 'Only calls with this result.' })
  decision?: string | null;

  @Field(() => String, { nullable: true, description: 'Only calls answered for this reason.' })
  reason?: string | null;

  @Field(() => String, { nullable: true, description: 'Only calls of this trace.' })
  traceId?: string | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'Only entries stored at or after this time.',
  })
  receivedFrom?: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'Only entries stored before this time.' })
  receivedBefore?: Date | null;
}

export const RequestLogConnection = connectionType(
  'RequestLog',
  () => RequestLogType,
  'request logs, newest first',
);
