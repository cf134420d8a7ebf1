import { contracts } from '../../common/contracts.ts';
import { canonicalMessage } from './canonical-message.ts';
import {
  type CompiledResource,
  type CompileViolation,
  compiledResource,
} from './compiled-resource.ts';

/** One address of a server. */
export interface EndpointRow {
  readonly id: string;
  readonly url: string;
  /** 1 to 1,000. */
  readonly weight: number;
}

/** What of an MCP server's rows reaches nodes. */
export interface ServerRow {
  readonly id: string;
  readonly organizationId: string;
  readonly slug: string;
  readonly enabled: boolean;
  readonly transport: 'TRANSPORT_STREAMABLE_HTTP' | 'TRANSPORT_HTTP_SSE';
  /** Undefined: each node detects it. */
  readonly era: 'ERA_LEGACY' | 'ERA_MODERN' | 'ERA_DUAL' | undefined;
  readonly endpoints: readonly EndpointRow[];
  /** Decrypted. */
  readonly credential: { readonly header: string; readonly value: string } | undefined;
  /** 0: the node's own setting. */
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly labels: Readonly<Record<string, string>>;
}

const headerName = /^[!#$%&'*+.^_`|~0-9a-z-]+$/i;

/** A header value may hold visible characters, blanks and tabs; a line break would add a header. */
function isHeaderValue(value: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(value);
}

/** What nodes could not use about a server. Rows are validated when written; this is the last check. */
export function serverViolations(row: ServerRow): CompileViolation[] {
  const violations: CompileViolation[] = [];
  const violation = (path: string, message: string) =>
    violations.push({ type: 'Server', name: row.id, path, message });
  if (row.endpoints.length === 0) violation('endpoints', 'a server needs at least one endpoint');
  for (const [index, endpoint] of row.endpoints.entries()) {
    const protocol = URL.canParse(endpoint.url) ? new URL(endpoint.url).protocol : '';
    if (protocol !== 'http:' && protocol !== 'https:') {
      violation(`endpoints[${index}].url`, 'must be an absolute http or https URL');
    }
    if (!(endpoint.weight >= 1 && endpoint.weight <= 1000)) {
      violation(`endpoints[${index}].weight`, 'must be 1 to 1,000');
    }
  }
  if (row.credential !== undefined) {
    if (!headerName.test(row.credential.header)) {
      violation('credential.header', 'is no header name');
    }
    if (!isHeaderValue(row.credential.value)) {
      violation('credential.value', 'is no header value');
    }
  }
  return violations;
}

export function serverResource(row: ServerRow): CompiledResource {
  const body = contracts.resources.Server.serialize(
    canonicalMessage({
      id: row.id,
      organizationId: row.organizationId,
      slug: row.slug,
      enabled: row.enabled,
      transport: row.transport,
      ...(row.era && { era: row.era }),
      endpoints: [...row.endpoints]
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .map(({ id, url, weight }) => ({ id, url, weight })),
      ...(row.credential && { credential: { ...row.credential } }),
      connectTimeoutMs: row.connectTimeoutMs,
      requestTimeoutMs: row.requestTimeoutMs,
      labels: Object.entries(row.labels)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, value]) => ({ name, value })),
    }),
  );
  return compiledResource({
    type: 'Server',
    name: row.id,
    scope: { organizationId: row.organizationId, serverIds: [row.id] },
    body,
  });
}
