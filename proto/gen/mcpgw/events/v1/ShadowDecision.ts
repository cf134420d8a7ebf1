// Generated from proto/ by `npm run generate`; edit the .proto file.
import type { ShadowOutcomeInput as _mcpgw_events_v1_ShadowOutcomeInput, ShadowOutcome as _mcpgw_events_v1_ShadowOutcome } from '../../../mcpgw/events/v1/ShadowOutcome.ts';

export interface ShadowDecisionInput {
  'policyId'?: (string);
  'policyRevision'?: (number);
  'outcome'?: (_mcpgw_events_v1_ShadowOutcomeInput);
}

export interface ShadowDecision {
  'policyId': (string);
  'policyRevision': (number);
  'outcome': (_mcpgw_events_v1_ShadowOutcome);
}
