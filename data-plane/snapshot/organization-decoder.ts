import { contracts } from '../../common/contracts.ts';
import {
  expectEnvelope,
  expectId,
  expectSlug,
  parseBody,
  type ResourceDecoder,
} from './resource-decoder.ts';
import type { OrganizationEntry, ToolRefusalForm } from './snapshot.ts';
import { ViolationList } from './violation.ts';

const allowedOriginsMax = 100;
const argumentBytesMax = 65_536;
const policyHeadersMax = 20;
/** RFC 9110, section 5.6.2, in lower case. */
const headerNamePattern = /^[a-z0-9!#$%&'*+.^_`|~-]{1,128}$/;

const policyDefaults: ReadonlyMap<string, OrganizationEntry['policyDefault']> = new Map([
  // Deny when unsure.
  ['POLICY_DEFAULT_UNSPECIFIED', 'deny'],
  ['POLICY_DEFAULT_ALLOW', 'allow'],
  ['POLICY_DEFAULT_DENY', 'deny'],
]);

const refusalForms: ReadonlyMap<string, ToolRefusalForm> = new Map([
  ['REFUSAL_FORM_UNSPECIFIED', 'http-status'],
  ['REFUSAL_FORM_HTTP_STATUS', 'http-status'],
  ['REFUSAL_FORM_JSON_RPC_ERROR', 'json-rpc-error'],
  ['REFUSAL_FORM_TOOL_RESULT', 'tool-result'],
]);

const argumentRecordings: ReadonlyMap<string, OrganizationEntry['argumentRecording']> = new Map([
  ['ARGUMENT_RECORDING_UNSPECIFIED', 'off'],
  ['ARGUMENT_RECORDING_OFF', 'off'],
  ['ARGUMENT_RECORDING_REDACTED', 'redacted'],
  ['ARGUMENT_RECORDING_FULL', 'full'],
]);

const unknownToThisBuild = 'is none that this build knows';

/** Exact serialization of an http or https origin, as a browser sends it (RFC 6454, section 6.2). */
function isOrigin(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return (url.protocol === 'http:' || url.protocol === 'https:') && url.origin === text;
}

/** Decodes an `Organization`; its name in the stream is its id. */
export const decodeOrganization: ResourceDecoder<OrganizationEntry> = (resource) => {
  const parsed = parseBody(
    'Organization',
    resource.body,
    contracts.resources.Organization.deserialize,
  );
  if (!parsed.ok) return parsed;
  const organization = parsed.value;
  const { id, slug, enabled, mustAudit, allowedOrigins, staleAfterSeconds } = organization;
  const violations = new ViolationList();
  expectEnvelope(violations, resource, { name: id, organizationId: id });
  expectId(violations, 'id', id);
  expectSlug(violations, 'slug', slug);
  violations.expect(
    allowedOrigins.length <= allowedOriginsMax,
    'allowed_origins',
    `must have at most ${allowedOriginsMax} items`,
  );
  for (const [index, origin] of allowedOrigins.slice(0, allowedOriginsMax).entries()) {
    violations.expect(
      isOrigin(origin),
      `allowed_origins[${index}]`,
      'must be an exact http or https origin, such as https://app.example.com',
    );
  }
  const policyDefault = policyDefaults.get(organization.policyDefault);
  const toolRefusalForm = refusalForms.get(organization.toolRefusalForm);
  const argumentRecording = argumentRecordings.get(organization.argumentRecording);
  violations.expect(policyDefault !== undefined, 'policy_default', unknownToThisBuild);
  violations.expect(toolRefusalForm !== undefined, 'tool_refusal_form', unknownToThisBuild);
  violations.expect(argumentRecording !== undefined, 'argument_recording', unknownToThisBuild);
  violations.expect(
    organization.argumentBytesMax <= argumentBytesMax,
    'argument_bytes_max',
    `must be at most ${argumentBytesMax}`,
  );
  const { policyHeaders } = organization;
  violations.expect(
    policyHeaders.length <= policyHeadersMax &&
      policyHeaders.every((name) => headerNamePattern.test(name)),
    'policy_headers',
    `must be at most ${policyHeadersMax} lower-case header names`,
  );
  return violations.decoded(() => ({
    id,
    slug,
    enabled,
    mustAudit,
    allowedOrigins: new Set(allowedOrigins),
    staleAfterMs: staleAfterSeconds === 0 ? undefined : staleAfterSeconds * 1000,
    policyDefault: policyDefault ?? 'deny',
    toolRefusalForm: toolRefusalForm ?? 'http-status',
    argumentRecording: argumentRecording ?? 'off',
    argumentBytesMax: organization.argumentBytesMax,
    policyHeaders,
  }));
};
