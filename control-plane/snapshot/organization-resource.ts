import { contracts } from '../../common/contracts.ts';
import { canonicalMessage, canonicalSet } from './canonical-message.ts';
import { type CompiledResource, compiledResource } from './compiled-resource.ts';

/** What of an organization's row reaches nodes. */
export interface OrganizationRow {
  readonly id: string;
  readonly slug: string;
  readonly enabled: boolean;
  readonly mustAudit: boolean;
  readonly allowedOrigins: readonly string[];
  /** Null: its calls are never refused for an old view. */
  readonly staleAfterSeconds: number | null;
  readonly policyDefault: 'allow' | 'deny';
  readonly toolRefusalForm: 'http_status' | 'json_rpc_error' | 'tool_result';
  readonly argumentRecording: 'off' | 'redacted' | 'full';
  readonly argumentBytesMax: number;
  readonly policyHeaders: readonly string[];
}

const policyDefaults = { allow: 'POLICY_DEFAULT_ALLOW', deny: 'POLICY_DEFAULT_DENY' } as const;
const refusalForms = {
  http_status: 'REFUSAL_FORM_HTTP_STATUS',
  json_rpc_error: 'REFUSAL_FORM_JSON_RPC_ERROR',
  tool_result: 'REFUSAL_FORM_TOOL_RESULT',
} as const;
const argumentRecordings = {
  off: 'ARGUMENT_RECORDING_OFF',
  redacted: 'ARGUMENT_RECORDING_REDACTED',
  full: 'ARGUMENT_RECORDING_FULL',
} as const;

/**
 * A disabled organization is streamed as such instead of being removed: a node must be able to tell
 * "disabled" from "never heard of".
 */
export function organizationResource(row: OrganizationRow): CompiledResource {
  const body = contracts.resources.Organization.serialize(
    canonicalMessage({
      id: row.id,
      slug: row.slug,
      enabled: row.enabled,
      mustAudit: row.mustAudit,
      allowedOrigins: canonicalSet(row.allowedOrigins),
      staleAfterSeconds: row.staleAfterSeconds ?? 0,
      policyDefault: policyDefaults[row.policyDefault],
      toolRefusalForm: refusalForms[row.toolRefusalForm],
      argumentRecording: argumentRecordings[row.argumentRecording],
      argumentBytesMax: row.argumentBytesMax,
      policyHeaders: canonicalSet(row.policyHeaders),
    }),
  );
  return compiledResource({
    type: 'Organization',
    name: row.id,
    scope: { organizationId: row.id, serverIds: [] },
    body,
  });
}
