import type { Logger } from '../../common/logging.ts';
import {
  EnvelopeError,
  openSecret,
  sealKeyContext,
  unwrapKey,
  upstreamSecretContext,
} from '../store/envelope.ts';
import type { MasterKeyRing } from '../store/master-key-ring.ts';
import { apiKeyResource } from './api-key-resource.ts';
import type { CompiledResource, CompileViolation } from './compiled-resource.ts';
import type { SourceChange } from './config-model.ts';
import type {
  SealedServerRow,
  SelectedApiKey,
  SelectedIssuer,
  SigningKeyRow,
  WrappedSealKeyRow,
} from './config-rows.ts';
import { issuerResource, platformIssuerResource } from './issuer-resource.ts';
import { type OrganizationRow, organizationResource } from './organization-resource.ts';
import { type PolicyRow, policyResource } from './policy-resource.ts';
import { type RevocationRow, revocationResource } from './revocation-resource.ts';
import { type SealKeyRow, sealKeyRingResource } from './seal-key-ring-resource.ts';
import { type ServerRow, serverResource, serverViolations } from './server-resource.ts';
import { type ToolPinRow, toolPinResource } from './tool-pin-resource.ts';

const transports = {
  'streamable-http': 'TRANSPORT_STREAMABLE_HTTP',
  'http-sse': 'TRANSPORT_HTTP_SSE',
} as const;
const eras = { legacy: 'ERA_LEGACY', modern: 'ERA_MODERN', dual: 'ERA_DUAL' } as const;

/**
 * Turns rows into resources: opens what is sealed and leaves out, with a line in the log, what no node
 * could use. The same rows give the same resources on every replica.
 */
export class RowCompiler {
  readonly #masterKeys: MasterKeyRing;
  readonly #tokenIssuer: string;
  readonly #logger: Logger;

  /** @param tokenIssuer `iss` of the gateway's own tokens. */
  constructor(masterKeys: MasterKeyRing, tokenIssuer: string, logger: Logger) {
    this.#masterKeys = masterKeys;
    this.#tokenIssuer = tokenIssuer;
    this.#logger = logger;
  }

  organization(row: OrganizationRow): SourceChange {
    return { source: `organization/${row.id}`, resource: organizationResource(row) };
  }

  apiKey(row: SelectedApiKey): SourceChange {
    return {
      source: `api_key/${row.id}`,
      resource: row.usable ? apiKeyResource(row) : undefined,
    };
  }

  /** Without keys there is nothing that a node could check a token with: it then knows no such issuer. */
  issuer(row: SelectedIssuer): SourceChange {
    const { jwks } = row;
    return {
      source: `issuer/${row.id}`,
      resource: row.usable && jwks !== null ? issuerResource({ ...row, jwks }) : undefined,
    };
  }

  /** The gateway's own issuer, of all signing keys. */
  platformIssuer(rows: readonly SigningKeyRow[]): SourceChange {
    const keys = rows.map(({ publicJwk }) => publicJwk);
    return {
      source: 'signing_keys/all',
      resource: keys.length === 0 ? undefined : platformIssuerResource(this.#tokenIssuer, keys),
    };
  }

  server(row: SealedServerRow): SourceChange {
    return { source: `server/${row.id}`, resource: this.#server(row) };
  }

  revocation(row: RevocationRow): SourceChange {
    return { source: `revocation/${row.id}`, resource: revocationResource(row) };
  }

  policy(row: PolicyRow): SourceChange {
    return { source: `policy/${row.id}`, resource: policyResource(row) };
  }

  toolPin(row: ToolPinRow): SourceChange {
    return { source: `tool_pin/${row.id}`, resource: toolPinResource(row) };
  }

  /** The ring of one group; a group without keys has none. */
  sealKeys(groupId: string, rows: readonly WrappedSealKeyRow[]): SourceChange {
    const keys: SealKeyRow[] = [];
    for (const row of rows) {
      const key = this.#opened('SealKeyRing', groupId, 'keys', () =>
        unwrapKey(this.#masterKeys, sealKeyContext(row), row).reveal(),
      );
      if (key) keys.push({ keyId: row.id, key, primary: row.primary });
    }
    return {
      source: `seal_keys/${groupId}`,
      resource: keys.length === 0 ? undefined : sealKeyRingResource(groupId, keys),
    };
  }

  #server(sealed: SealedServerRow): CompiledResource | undefined {
    const { header, ciphertext, wrappedKey, masterKeyId } = sealed;
    let credential: ServerRow['credential'];
    if (header !== null && ciphertext && wrappedKey && masterKeyId !== null) {
      const context = upstreamSecretContext({
        organizationId: sealed.organizationId,
        serverId: sealed.id,
        header,
      });
      const value = this.#opened('Server', sealed.id, 'credential', () =>
        openSecret(this.#masterKeys, context, { ciphertext, wrappedKey, masterKeyId }).reveal(),
      );
      // Without its credential the server would be asked as nobody: better not at all.
      if (value === undefined) return undefined;
      credential = { header, value };
    }
    const row: ServerRow = {
      id: sealed.id,
      organizationId: sealed.organizationId,
      slug: sealed.slug,
      enabled: sealed.enabled,
      transport: transports[sealed.transport],
      era: sealed.era === null ? undefined : eras[sealed.era],
      endpoints: sealed.endpoints,
      credential,
      connectTimeoutMs: sealed.connectTimeoutMs,
      requestTimeoutMs: sealed.requestTimeoutMs,
      labels: sealed.labels,
    };
    const violations = serverViolations(row);
    for (const violation of violations) this.#leftOut(violation);
    return violations.length === 0 ? serverResource(row) : undefined;
  }

  #opened<T>(
    type: CompileViolation['type'],
    name: string,
    path: string,
    open: () => T,
  ): T | undefined {
    try {
      return open();
    } catch (error) {
      if (!(error instanceof EnvelopeError)) throw error;
      this.#leftOut({ type, name, path, message: error.message });
      return undefined;
    }
  }

  #leftOut(violation: CompileViolation): void {
    this.#logger.error({ violation }, 'a resource can’t be compiled and reaches no node');
  }
}
