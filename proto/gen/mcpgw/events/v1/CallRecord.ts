// Generated from proto/ by `npm run generate`; edit the .proto file.
import type { CallPhaseInput as _mcpgw_events_v1_CallPhaseInput, CallPhase as _mcpgw_events_v1_CallPhase } from '../../../mcpgw/events/v1/CallPhase.ts';
import type { DecisionInput as _mcpgw_events_v1_DecisionInput, Decision as _mcpgw_events_v1_Decision } from '../../../mcpgw/events/v1/Decision.ts';
import type { ShadowDecisionInput as _mcpgw_events_v1_ShadowDecisionInput, ShadowDecision as _mcpgw_events_v1_ShadowDecision } from '../../../mcpgw/events/v1/ShadowDecision.ts';
import type { RecordedHeaderInput as _mcpgw_events_v1_RecordedHeaderInput, RecordedHeader as _mcpgw_events_v1_RecordedHeader } from '../../../mcpgw/events/v1/RecordedHeader.ts';
import type { ArgumentStateInput as _mcpgw_events_v1_ArgumentStateInput, ArgumentState as _mcpgw_events_v1_ArgumentState } from '../../../mcpgw/events/v1/ArgumentState.ts';
import type { Long } from '@grpc/proto-loader';

/**
 * One call of a known caller, or a refused call to a known organization.
 */
export interface CallRecordInput {
  /**
   * UUID, unique for each call and element of a batch.
   */
  'callId'?: (string);
  'phase'?: (_mcpgw_events_v1_CallPhaseInput);
  'startedAtMs'?: (number | string | Long);
  'organizationId'?: (string);
  /**
   * Stable subject of the caller; empty before identify.
   */
  'subject'?: (string);
  /**
   * Public id of the API key or other credential.
   */
  'credentialId'?: (string);
  'serverId'?: (string);
  'endpointId'?: (string);
  /**
   * `legacy` or `modern`; empty when not decoded.
   */
  'era'?: (string);
  /**
   * HTTP verb for GET and DELETE, the JSON-RPC method otherwise.
   */
  'method'?: (string);
  /**
   * Tool, prompt or resource URI that the method targets; of a task the tool whose call made it.
   */
  'target'?: (string);
  'decision'?: (_mcpgw_events_v1_DecisionInput);
  /**
   * Stable reason from the reason catalogue; empty when the upstream's answer was relayed.
   */
  'reason'?: (string);
  'httpStatus'?: (number);
  /**
   * JSON-RPC error code of the answer; 0: none.
   */
  'rpcErrorCode'?: (number);
  /**
   * Until the upstream's response head; 0 when it was never asked.
   */
  'upstreamDurationUs'?: (number);
  'totalDurationUs'?: (number);
  'requestBytes'?: (number | string | Long);
  'responseBytes'?: (number | string | Long);
  /**
   * W3C trace id in hex.
   */
  'traceId'?: (string);
  'clientAddress'?: (string);
  /**
   * Revision of the snapshot that decided.
   */
  'configRevision'?: (number | string | Long);
  /**
   * How the exchange ended for the client: `completed`, `client_closed`, `upstream_closed`, `timeout`, `drained`,
   * `revoked` (what allowed it ended while it was under way), `interrupted` (its node died; bytes and time are unknown).
   */
  'outcome'?: (string);
  /**
   * The policy that decided; empty: none did (the default, a lifecycle method, another stage).
   */
  'policyId'?: (string);
  'policyRevision'?: (number);
  /**
   * What policies in shadow mode would have decided otherwise; at most 8.
   */
  'shadowDecisions'?: (_mcpgw_events_v1_ShadowDecisionInput)[];
  /**
   * Whom the decision was about, so that it can be made again.
   */
  'principalRoles'?: (string)[];
  'principalScopes'?: (string)[];
  /**
   * `api_key` or `access_token`.
   */
  'credentialKind'?: (string);
  'clientName'?: (string);
  'clientVersion'?: (string);
  /**
   * Headers that the organization lets conditions read.
   */
  'headers'?: (_mcpgw_events_v1_RecordedHeaderInput)[];
  'argumentState'?: (_mcpgw_events_v1_ArgumentStateInput);
  /**
   * `params.arguments` as JSON; empty unless the state says that it is here.
   */
  'arguments'?: (Buffer | Uint8Array | string);
  /**
   * Why a condition could not be evaluated; set with the reason `policy_evaluation_failed`.
   */
  'policyError'?: (string);
}

/**
 * One call of a known caller, or a refused call to a known organization.
 */
export interface CallRecord {
  /**
   * UUID, unique for each call and element of a batch.
   */
  'callId': (string);
  'phase': (_mcpgw_events_v1_CallPhase);
  'startedAtMs': (number);
  'organizationId': (string);
  /**
   * Stable subject of the caller; empty before identify.
   */
  'subject': (string);
  /**
   * Public id of the API key or other credential.
   */
  'credentialId': (string);
  'serverId': (string);
  'endpointId': (string);
  /**
   * `legacy` or `modern`; empty when not decoded.
   */
  'era': (string);
  /**
   * HTTP verb for GET and DELETE, the JSON-RPC method otherwise.
   */
  'method': (string);
  /**
   * Tool, prompt or resource URI that the method targets; of a task the tool whose call made it.
   */
  'target': (string);
  'decision': (_mcpgw_events_v1_Decision);
  /**
   * Stable reason from the reason catalogue; empty when the upstream's answer was relayed.
   */
  'reason': (string);
  'httpStatus': (number);
  /**
   * JSON-RPC error code of the answer; 0: none.
   */
  'rpcErrorCode': (number);
  /**
   * Until the upstream's response head; 0 when it was never asked.
   */
  'upstreamDurationUs': (number);
  'totalDurationUs': (number);
  'requestBytes': (number);
  'responseBytes': (number);
  /**
   * W3C trace id in hex.
   */
  'traceId': (string);
  'clientAddress': (string);
  /**
   * Revision of the snapshot that decided.
   */
  'configRevision': (number);
  /**
   * How the exchange ended for the client: `completed`, `client_closed`, `upstream_closed`, `timeout`, `drained`,
   * `revoked` (what allowed it ended while it was under way), `interrupted` (its node died; bytes and time are unknown).
   */
  'outcome': (string);
  /**
   * The policy that decided; empty: none did (the default, a lifecycle method, another stage).
   */
  'policyId': (string);
  'policyRevision': (number);
  /**
   * What policies in shadow mode would have decided otherwise; at most 8.
   */
  'shadowDecisions': (_mcpgw_events_v1_ShadowDecision)[];
  /**
   * Whom the decision was about, so that it can be made again.
   */
  'principalRoles': (string)[];
  'principalScopes': (string)[];
  /**
   * `api_key` or `access_token`.
   */
  'credentialKind': (string);
  'clientName': (string);
  'clientVersion': (string);
  /**
   * Headers that the organization lets conditions read.
   */
  'headers': (_mcpgw_events_v1_RecordedHeader)[];
  'argumentState': (_mcpgw_events_v1_ArgumentState);
  /**
   * `params.arguments` as JSON; empty unless the state says that it is here.
   */
  'arguments': (Buffer);
  /**
   * Why a condition could not be evaluated; set with the reason `policy_evaluation_failed`.
   */
  'policyError': (string);
}
