import { isStorableText, validateName, validateSlug } from '../input/text-rules.ts';
import { type Violation, violation } from '../input/violation.ts';
import type { McpEra, McpTransport } from '../store/entities/mcp-server.ts';
import {
  normalizeUpstreamUrl,
  type UpstreamAddressRules,
  urlLengthMax,
  validateUpstreamUrl,
} from './upstream-url.ts';

/** Bounds on one server. Times in milliseconds, lengths in characters. */
export const serverBounds = {
  endpointsMax: 32,
  weightMax: 1000,
  descriptionLengthMax: 4000,
  labelsMax: 32,
  labelNameLengthMax: 63,
  labelValueLengthMax: 200,
  credentialLengthMax: 8192,
  connectTimeoutMsMin: 10,
  connectTimeoutMsMax: 60_000,
  requestTimeoutMsMin: 100,
  requestTimeoutMsMax: 3_600_000,
  serversMax: 1000,
} as const;

export interface EndpointFields {
  readonly url: string;
  readonly weight: number;
}

export interface LabelFields {
  readonly name: string;
  readonly value: string;
}

/** What the gateway presents to a server. */
export interface CredentialFields {
  readonly header: string;
  readonly value: string;
}

/** Everything about a server that can be set, but its credential. */
export interface ServerFields {
  readonly slug: string;
  readonly name: string;
  readonly description: string;
  readonly enabled: boolean;
  readonly transport: McpTransport;
  readonly era: McpEra | null;
  readonly endpoints: readonly EndpointFields[];
  readonly labels: readonly LabelFields[];
  readonly documentationUrl: string | null;
  readonly connectTimeoutMs: number | null;
  readonly requestTimeoutMs: number | null;
}

function validateEndpoints(
  endpoints: readonly EndpointFields[],
  rules: UpstreamAddressRules,
): Violation[] {
  if (endpoints.length === 0) {
    return [violation('endpoints', 'REQUIRED', 'A server needs at least one endpoint.')];
  }
  if (endpoints.length > serverBounds.endpointsMax) {
    const message = `A server has at most ${serverBounds.endpointsMax} endpoints.`;
    return [violation('endpoints', 'TOO_MANY', message)];
  }
  const seen = new Set<string>();
  return endpoints.flatMap(({ url, weight }, index) => {
    const path = `endpoints.${index}`;
    const violations = validateUpstreamUrl(`${path}.url`, url, rules);
    if (violations.length === 0) {
      const normalized = normalizeUpstreamUrl(url);
      if (seen.has(normalized)) {
        violations.push(violation(`${path}.url`, 'DUPLICATE', 'Another endpoint has this URL.'));
      }
      seen.add(normalized);
    }
    if (!Number.isInteger(weight) || weight < 1 || weight > serverBounds.weightMax) {
      const message = `A weight is 1 to ${serverBounds.weightMax}.`;
      violations.push(violation(`${path}.weight`, 'OUT_OF_RANGE', message));
    }
    return violations;
  });
}

function validateLabels(labels: readonly LabelFields[]): Violation[] {
  const { labelsMax, labelNameLengthMax, labelValueLengthMax } = serverBounds;
  if (labels.length > labelsMax) {
    return [violation('labels', 'TOO_MANY', `A server has at most ${labelsMax} labels.`)];
  }
  return labels.flatMap(({ name, value }, index) => {
    const path = `labels.${index}`;
    const violations = validateName(`${path}.name`, name, labelNameLengthMax);
    if (labels.findIndex((label) => label.name === name) !== index) {
      violations.push(violation(`${path}.name`, 'DUPLICATE', 'Another label has this name.'));
    }
    if (value.length > labelValueLengthMax) {
      const message = `A value has at most ${labelValueLengthMax} characters.`;
      violations.push(violation(`${path}.value`, 'TOO_LONG', message));
    } else if (!isStorableText(value)) {
      const message = 'Control characters are not allowed.';
      violations.push(violation(`${path}.value`, 'INVALID_FORMAT', message));
    }
    return violations;
  });
}

function validateTime(path: string, ms: number | null, min: number, max: number): Violation[] {
  if (ms === null || (Number.isInteger(ms) && ms >= min && ms <= max)) return [];
  return [violation(path, 'OUT_OF_RANGE', `A time of ${min} to ${max} milliseconds is needed.`)];
}

function validateDescription(text: string): Violation[] {
  if (text.length > serverBounds.descriptionLengthMax) {
    const message = `At most ${serverBounds.descriptionLengthMax} characters are allowed.`;
    return [violation('description', 'TOO_LONG', message)];
  }
  // A description may have several lines.
  if (isStorableText(text.replaceAll(/[\t\r\n]/g, ' '))) return [];
  return [violation('description', 'INVALID_FORMAT', 'Control characters are not allowed.')];
}

function validateDocumentationUrl(text: string | null): Violation[] {
  if (text === null) return [];
  if (text.length > urlLengthMax) {
    const message = `A URL has at most ${urlLengthMax} characters.`;
    return [violation('documentationUrl', 'TOO_LONG', message)];
  }
  // It becomes a link in people's browsers, where a `javascript:` URL would run.
  if (/^https?:\/\/\S+$/i.test(text) && text.isWellFormed() && URL.canParse(text)) return [];
  return [violation('documentationUrl', 'INVALID_FORMAT', 'An http or https URL is needed.')];
}

/** Everything that is wrong with a server's fields. */
export function validateServer(fields: ServerFields, rules: UpstreamAddressRules): Violation[] {
  const { connectTimeoutMsMin, connectTimeoutMsMax, requestTimeoutMsMin, requestTimeoutMsMax } =
    serverBounds;
  return [
    ...validateSlug('slug', fields.slug),
    ...validateName('name', fields.name),
    ...validateDescription(fields.description),
    ...validateEndpoints(fields.endpoints, rules),
    ...validateLabels(fields.labels),
    ...validateDocumentationUrl(fields.documentationUrl),
    ...validateTime(
      'connectTimeoutMs',
      fields.connectTimeoutMs,
      connectTimeoutMsMin,
      connectTimeoutMsMax,
    ),
    ...validateTime(
      'requestTimeoutMs',
      fields.requestTimeoutMs,
      requestTimeoutMsMin,
      requestTimeoutMsMax,
    ),
  ];
}

/** Headers that HTTP or MCP itself sets on the way to a server; a credential there would break calls. */
const reservedHeaders = new Set([
  'accept',
  'accept-encoding',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'last-event-id',
  'mcp-method',
  'mcp-name',
  'mcp-protocol-version',
  'mcp-session-id',
  'origin',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

function isReserved(header: string): boolean {
  return (
    reservedHeaders.has(header) || header.startsWith('mcp-param-') || header.startsWith('proxy-')
  );
}

/** Everything that is wrong with a credential. No message repeats the value. */
export function validateCredential({ header, value }: CredentialFields): Violation[] {
  const violations: Violation[] = [];
  const name = header.toLowerCase();
  if (!/^[!#$%&'*+.^_`|~0-9a-z-]{1,100}$/.test(name)) {
    violations.push(violation('credential.header', 'INVALID_FORMAT', 'This is no header name.'));
  } else if (isReserved(name)) {
    const message = 'This header belongs to the protocol.';
    violations.push(violation('credential.header', 'NOT_ALLOWED', message));
  }
  if (value.length === 0) {
    violations.push(violation('credential.value', 'REQUIRED', 'A value is needed.'));
  } else if (value.length > serverBounds.credentialLengthMax) {
    const message = `A value has at most ${serverBounds.credentialLengthMax} characters.`;
    violations.push(violation('credential.value', 'TOO_LONG', message));
  } else if (!/^[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?$/.test(value)) {
    const message = 'A header value is one line of ASCII characters without blanks around it.';
    violations.push(violation('credential.value', 'INVALID_FORMAT', message));
  }
  return violations;
}
