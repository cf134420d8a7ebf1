import { type Violation, violation } from '../input/violation.ts';

export const policyDefaults = ['allow', 'deny'] as const;
export const toolRefusalForms = ['http_status', 'json_rpc_error', 'tool_result'] as const;
export const argumentRecordings = ['off', 'redacted', 'full'] as const;

/** What an organization says about policies, and about what they leave in records. */
export interface PolicySettings {
  /** What becomes of a call that no policy decides. */
  readonly policyDefault: (typeof policyDefaults)[number];
  /** How a tools/call that a policy denies is answered. */
  readonly toolRefusalForm: (typeof toolRefusalForms)[number];
  /** What of a call's arguments stands in its record. */
  readonly argumentRecording: (typeof argumentRecordings)[number];
  /** Longer arguments are not recorded; in bytes of JSON. */
  readonly argumentBytesMax: number;
  /** Request headers that conditions may read and that stand in records, in lower case. */
  readonly policyHeaders: readonly string[];
}

export const policySettingsDefault: PolicySettings = {
  policyDefault: 'allow',
  toolRefusalForm: 'json_rpc_error',
  argumentRecording: 'off',
  argumentBytesMax: 16_384,
  policyHeaders: [],
};

const argumentBytes = { min: 256, max: 65_536 } as const;
const headersMax = 20;
const headerLengthMax = 100;

const headerName = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;

/**
 * Names of headers that carry a credential, or may: what conditions can read stands in the records of calls
 * as well. A name too many costs somebody a condition, one too few a secret.
 */
const credentialHeader =
  /auth$|authorization|authenticat|cookie|credential|jwt|password|passwd|secret|session|signature|token|(?:api|access|auth|private)[-_]?key/;

function validateHeader(name: string): readonly [code: Violation['code'], message: string] | null {
  if (!headerName.test(name) || name.length > headerLengthMax) {
    return ['INVALID_FORMAT', 'This is not the name of a header.'];
  }
  if (!credentialHeader.test(name)) return null;
  return ['INVALID_FORMAT', 'Headers that may carry a credential can’t be read by policies.'];
}

function validateHeaders(headers: readonly string[]): Violation[] {
  if (headers.length > headersMax) {
    return [violation('policyHeaders', 'TOO_MANY', `At most ${headersMax} headers.`)];
  }
  return headers.flatMap((header, index) => {
    const path = `policyHeaders.${index}`;
    if (headers.indexOf(header) !== index) {
      return [violation(path, 'DUPLICATE', 'The header stands in the list already.')];
    }
    const wrong = validateHeader(header);
    return wrong === null ? [] : [violation(path, ...wrong)];
  });
}

/** Everything that is wrong with an organization's settings about policies. */
export function validatePolicySettings(settings: PolicySettings): Violation[] {
  const { argumentBytesMax: bytes } = settings;
  const { min, max } = argumentBytes;
  const isInRange = Number.isInteger(bytes) && bytes >= min && bytes <= max;
  return [
    ...(isInRange
      ? []
      : [violation('argumentBytesMax', 'OUT_OF_RANGE', `From ${min} to ${max} bytes.`)]),
    ...validateHeaders(settings.policyHeaders),
  ];
}

/** Settings as somebody gives them; what is undefined or null stays as it was. */
export type PolicySettingsInput = {
  readonly [Name in keyof PolicySettings]?: PolicySettings[Name] | null | undefined;
};

/** The settings as they become; names of headers in lower case, as they are compared. */
export function mergedPolicySettings(before: PolicySettings, input: PolicySettingsInput) {
  return {
    policyDefault: input.policyDefault ?? before.policyDefault,
    toolRefusalForm: input.toolRefusalForm ?? before.toolRefusalForm,
    argumentRecording: input.argumentRecording ?? before.argumentRecording,
    argumentBytesMax: input.argumentBytesMax ?? before.argumentBytesMax,
    policyHeaders: (input.policyHeaders ?? before.policyHeaders).map((name) => name.toLowerCase()),
  };
}

/** Whether a change of settings can change what becomes of a call. */
export function changesDecisions(before: PolicySettings, after: PolicySettings): boolean {
  return (
    before.policyDefault !== after.policyDefault ||
    before.policyHeaders.join() !== after.policyHeaders.join()
  );
}
