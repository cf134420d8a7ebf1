import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { connectionType } from './connection.ts';
import {
  ArgumentState,
  CallCredentialKind,
  CallDecision,
  CallPhase,
  McpEra,
  ShadowOutcome,
} from './enums.ts';
import { DateTime, JsonObject, SafeInt } from './scalars.ts';

@ObjectType('DecidingPolicy', { description: 'A policy as it was when it decided a call.' })
export class DecidingPolicyType {
  @Field(() => ID, { description: 'The policy, which may have been deleted since.' })
  id!: string;

  @Field(() => Int, { description: 'Its revision at that time.' })
  revision!: number;

  @Field(() => String, {
    nullable: true,
    description: 'Its name at that revision; null when nothing is known of that revision.',
  })
  name!: string | null;
}

@ObjectType('ShadowDecision', {
  description: 'What a policy in shadow mode would have decided otherwise.',
})
export class ShadowDecisionType {
  @Field(() => DecidingPolicyType, { description: 'The policy.' })
  policy!: DecidingPolicyType;

  @Field(() => ShadowOutcome, { description: 'What it would have decided.' })
  outcome!: string;
}

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
    description:
      'Tool, prompt or resource that the method targets, of a task the tool whose call made it; empty: none.',
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

  @Field(() => DecidingPolicyType, {
    nullable: true,
    description:
      'The policy that decided; null when none did: the default, a method that no policy is asked about, or another rule.',
  })
  policy!: DecidingPolicyType | null;

  @Field(() => [ShadowDecisionType], {
    description: 'What policies in shadow mode would have decided otherwise; at most 8.',
  })
  shadowDecisions!: readonly ShadowDecisionType[];

  @Field(() => String, {
    description:
      'Why a policy’s condition could not be evaluated; empty unless the reason is `policy_evaluation_failed`.',
  })
  policyError!: string;

  @Field(() => [String], { description: 'Roles of the caller at that time.' })
  principalRoles!: readonly string[];

  @Field(() => [String], { description: 'Scopes of the caller’s credential at that time.' })
  principalScopes!: readonly string[];

  @Field(() => CallCredentialKind, {
    nullable: true,
    description: 'What the caller was known by; null in entries of earlier releases.',
  })
  credentialKind!: string | null;

  @Field(() => String, {
    description: 'Name of the client as it says itself; empty when it says nothing.',
  })
  clientName!: string;

  @Field(() => String, {
    description: 'Version of the client as it says itself; empty when it says nothing.',
  })
  clientVersion!: string;

  @Field(() => JsonObject, {
    nullable: true,
    description:
      'The request’s headers that the organization lets conditions read, by name in lower case; null: none.',
  })
  headers!: Readonly<Record<string, string>> | null;

  @Field(() => ArgumentState, { description: 'What the entry holds of the call’s arguments.' })
  argumentState!: string;

  @Field(() => JsonObject, {
    nullable: true,
    description: 'The call’s arguments; null unless `argumentState` says that they are here.',
  })
  arguments!: Readonly<Record<string, unknown>> | null;
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

  @Field(() => ID, { nullable: true, description: 'Only calls that this policy decided.' })
  policyId?: string | null;

  @Field(() => Boolean, {
    nullable: true,
    description:
      'Only calls that a policy in shadow mode would have denied, also by a condition that fails; false: only others.',
  })
  wouldDeny?: boolean | null;

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
