import { contracts } from '../../common/contracts.ts';
import type { Endpoint } from '../../proto/gen/mcpgw/resources/v1/Endpoint.ts';
import type { UpstreamCredential } from '../../proto/gen/mcpgw/resources/v1/UpstreamCredential.ts';
import {
  expectEnvelope,
  expectId,
  expectSlug,
  parseBody,
  type ResourceDecoder,
} from './resource-decoder.ts';
import type {
  ServerEntry,
  UpstreamCredentialEntry,
  UpstreamEra,
  UpstreamTransportKind,
} from './snapshot.ts';
import { ViolationList } from './violation.ts';

const endpointsMax = 64;
const urlLengthMax = 2048;
const weightMax = 1000;
const credentialLengthMax = 8192;
const labelsMax = 64;
const labelLengthMax = 256;
const timeoutMsMax = 24 * 60 * 60 * 1000;

const eras: ReadonlyMap<string, UpstreamEra | undefined> = new Map([
  ['ERA_UNSPECIFIED', undefined],
  ['ERA_LEGACY', 'legacy'],
  ['ERA_MODERN', 'modern'],
  ['ERA_DUAL', 'dual'],
]);

const transports: ReadonlyMap<string, UpstreamTransportKind> = new Map([
  ['TRANSPORT_STREAMABLE_HTTP', 'streamable-http'],
  ['TRANSPORT_HTTP_SSE', 'http-sse'],
]);

/** RFC 9110, section 5.6.2, in lower case. */
const headerNamePattern = /^[a-z0-9!#$%&'*+.^_`|~-]{1,128}$/;
/** Visible ASCII and inner blanks: nothing that could end the header and begin another. */
const headerValuePattern = /^[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?$/;
/** Headers that the exchange itself is made of; a credential in one would change what is sent. */
const headersOfTheExchange = new Set([
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

function isOfTheExchange(header: string): boolean {
  return (
    headersOfTheExchange.has(header) ||
    header.startsWith('mcp-param-') ||
    header.startsWith('proxy-')
  );
}

function urlViolation(text: string): string | undefined {
  if (text.length > urlLengthMax) return `must have at most ${urlLengthMax} characters`;
  if (!URL.canParse(text)) return 'must be an absolute URL';
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'must be an http or https URL';
  if (url.username !== '' || url.password !== '') return 'must carry no user name or password';
  return url.hash === '' ? undefined : 'must carry no fragment';
}

function expectEndpoints(violations: ViolationList, endpoints: readonly Endpoint[]): void {
  const inBounds = endpoints.length >= 1 && endpoints.length <= endpointsMax;
  if (!violations.expect(inBounds, 'endpoints', `must have 1 to ${endpointsMax} items`)) return;
  const ids = new Set<string>();
  for (const [index, endpoint] of endpoints.entries()) {
    const path = `endpoints[${index}]`;
    expectId(violations, `${path}.id`, endpoint.id);
    violations.expect(!ids.has(endpoint.id), `${path}.id`, 'must be unique in the server');
    ids.add(endpoint.id);
    const wrong = urlViolation(endpoint.url);
    violations.expect(wrong === undefined, `${path}.url`, wrong ?? '');
    violations.expect(
      endpoint.weight >= 1 && endpoint.weight <= weightMax,
      `${path}.weight`,
      `must be 1 to ${weightMax}`,
    );
  }
}

/** The messages never contain the value: they travel in NACKs and stand in logs. */
function expectCredential(violations: ViolationList, credential: UpstreamCredential | null): void {
  if (credential === null) return;
  const { header, value } = credential;
  if (header === '') {
    violations.expect(value === '', 'credential.header', 'must be set when there is a value');
    return;
  }
  violations.expect(
    headerNamePattern.test(header) && !isOfTheExchange(header),
    'credential.header',
    'must be a lower-case header name that the exchange does not use itself',
  );
  violations.expect(
    value.length <= credentialLengthMax && headerValuePattern.test(value),
    'credential.value',
    `must be 1 to ${credentialLengthMax} visible ASCII characters`,
  );
}

function expectTimeout(violations: ViolationList, path: string, timeoutMs: number): void {
  violations.expect(timeoutMs <= timeoutMsMax, path, `must be at most ${timeoutMsMax}`);
}

function credentialEntry(
  credential: UpstreamCredential | null,
): UpstreamCredentialEntry | undefined {
  if (credential === null || credential.header === '') return undefined;
  return { header: credential.header, value: credential.value };
}

/** Decodes a `Server`; its name in the stream is its id. */
export const decodeServer: ResourceDecoder<ServerEntry> = (resource) => {
  const parsed = parseBody('Server', resource.body, contracts.resources.Server.deserialize);
  if (!parsed.ok) return parsed;
  const server = parsed.value;
  const violations = new ViolationList();
  expectEnvelope(violations, resource, { name: server.id, organizationId: server.organizationId });
  expectId(violations, 'id', server.id);
  expectId(violations, 'organization_id', server.organizationId);
  expectSlug(violations, 'slug', server.slug);
  const transport = transports.get(server.transport);
  violations.expect(transport !== undefined, 'transport', 'is none that this build knows');
  violations.expect(eras.has(server.era), 'era', 'is none that this build knows');
  expectEndpoints(violations, server.endpoints);
  expectCredential(violations, server.credential);
  expectTimeout(violations, 'connect_timeout_ms', server.connectTimeoutMs);
  expectTimeout(violations, 'request_timeout_ms', server.requestTimeoutMs);
  violations.expect(
    server.labels.length <= labelsMax &&
      server.labels.every(
        ({ name, value }) => Math.max(name.length, value.length) <= labelLengthMax,
      ),
    'labels',
    `must be at most ${labelsMax} of at most ${labelLengthMax} characters`,
  );
  return violations.decoded(() => ({
    id: server.id,
    organizationId: server.organizationId,
    slug: server.slug,
    enabled: server.enabled,
    transport: transport ?? 'streamable-http',
    era: eras.get(server.era),
    endpoints: server.endpoints.map(({ id, url, weight }) => ({ id, url: new URL(url), weight })),
    credential: credentialEntry(server.credential),
    connectTimeoutMs: server.connectTimeoutMs === 0 ? undefined : server.connectTimeoutMs,
    requestTimeoutMs: server.requestTimeoutMs === 0 ? undefined : server.requestTimeoutMs,
    labels: new Map(server.labels.map(({ name, value }) => [name, value])),
  }));
};
