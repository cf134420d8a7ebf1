// Generated from proto/ by `npm run generate`; edit the .proto file.
import type { CallPhaseInput as _mcpgw_events_v1_CallPhaseInput, CallPhase as _mcpgw_events_v1_CallPhase } from '../../../mcpgw/events/v1/CallPhase.ts';
import type { DecisionInput as _mcpgw_events_v1_DecisionInput, Decision as _mcpgw_events_v1_Decision } from '../../../mcpgw/events/v1/Decision.ts';
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
   * Tool, prompt or resource URI that the method targets.
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
   * Tool, prompt or resource URI that the method targets.
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
}
