import type { EntityManager } from '@mikro-orm/postgresql';
import {
  type AuditedChange,
  type AuditedFields,
  auditedChange,
  auditedFields,
  secretReplaced,
} from '../audit/field-changes.ts';
import { containsText, findPage, oldestFirst } from '../input/find-page.ts';
import { lockVersion } from '../input/lock-version.ts';
import type { Page, PageRequest } from '../input/page.ts';
import { isStorableText, isUuid } from '../input/text-rules.ts';
import { orTaken } from '../input/unique-violation.ts';
import { done, type Outcome, refused, violation } from '../input/violation.ts';
import type { AuditEvent } from '../store/append-audit-entry.ts';
import type { ChangedResource } from '../store/changed-resource.ts';
import { commitChange } from '../store/commit-change.ts';
import { McpEndpoint } from '../store/entities/mcp-endpoint.ts';
import { type McpEra, McpServer, type McpTransport } from '../store/entities/mcp-server.ts';
import { UpstreamSecret } from '../store/entities/upstream-secret.ts';
import { sealSecret, upstreamSecretContext } from '../store/envelope.ts';
import type { MasterKeyRing } from '../store/master-key-ring.ts';
import { Secret } from '../store/secret.ts';
import type { Store } from '../store/store.ts';
import { uuidV7 } from '../store/uuid-v7.ts';
import {
  type CredentialFields,
  type EndpointFields,
  type LabelFields,
  type ServerFields,
  serverBounds,
  validateCredential,
  validateServer,
} from './server-validation.ts';
import { normalizeUpstreamUrl, type UpstreamAddressRules } from './upstream-url.ts';

export interface RegistryDependencies {
  readonly store: Store;
  readonly masterKeys: MasterKeyRing;
  readonly addressRules: UpstreamAddressRules;
}

/** A server with what belongs to it; of its credential only what may be shown. */
export interface ServerView {
  readonly id: string;
  readonly organizationId: string;
  readonly slug: string;
  readonly name: string;
  readonly description: string;
  readonly enabled: boolean;
  readonly transport: McpTransport;
  readonly era: McpEra | null;
  readonly endpoints: readonly (EndpointFields & { readonly id: string })[];
  readonly credential: { readonly header: string; readonly updatedAt: Date } | null;
  readonly labels: readonly LabelFields[];
  readonly documentationUrl: string | null;
  readonly connectTimeoutMs: number | null;
  readonly requestTimeoutMs: number | null;
  readonly definitions: DefinitionsView;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly version: number;
}

/** What became of the worker's looks at what the server offers. */
export interface DefinitionsView {
  /** When its definitions were learned last; null: never. */
  readonly fetchedAt: Date | null;
  /** When the last look failed; null: it did not. */
  readonly failedAt: Date | null;
  /** Why the last look failed. */
  readonly error: string | null;
  /** What the last look left out, or could not learn. */
  readonly warning: string | null;
  /** Failures in a row. */
  readonly failures: number;
  readonly nextFetchAt: Date;
}

function definitionsView(server: McpServer): DefinitionsView {
  const { definitionsFetchedAt, definitionsFailedAt, definitionsError } = server;
  const isFailed = (definitionsFailedAt ?? null) !== null;
  return {
    fetchedAt: definitionsFetchedAt ?? null,
    failedAt: definitionsFailedAt ?? null,
    error: isFailed ? (definitionsError ?? null) : null,
    warning: isFailed ? null : (definitionsError ?? null),
    failures: server.definitionsFailures,
    nextFetchAt: server.nextDefinitionsFetchAt,
  };
}

function view(
  server: McpServer,
  endpoints: readonly McpEndpoint[],
  secret: UpstreamSecret | undefined,
): ServerView {
  const { id, organizationId, slug, name, description, enabled, transport, era } = server;
  const { documentationUrl, connectTimeoutMs, requestTimeoutMs } = server;
  const { createdAt, updatedAt, version } = server;
  return {
    ...{ id, organizationId, slug, name, description, enabled, transport, era },
    endpoints: endpoints
      .map((endpoint) => ({ id: endpoint.id, url: endpoint.url, weight: endpoint.weight }))
      .sort((a, b) => (a.id < b.id ? -1 : 1)),
    credential: secret ? { header: secret.header, updatedAt: secret.updatedAt } : null,
    labels: Object.entries(server.labels)
      .map(([label, value]) => ({ name: label, value }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    definitions: definitionsView(server),
    ...{ documentationUrl, connectTimeoutMs, requestTimeoutMs, createdAt, updatedAt, version },
  };
}

/** Reads what belongs to a page of servers in two queries, however many there are. */
async function views(
  em: EntityManager,
  organizationId: string,
  servers: readonly McpServer[],
): Promise<ServerView[]> {
  const serverId = { $in: servers.map(({ id }) => id) };
  const endpoints = await em.find(McpEndpoint, { organizationId, serverId });
  const secrets = await em.find(UpstreamSecret, { organizationId, serverId });
  return servers.map((server) =>
    view(
      server,
      endpoints.filter((endpoint) => endpoint.serverId === server.id),
      secrets.find((secret) => secret.serverId === server.id),
    ),
  );
}

export interface ServerFilterFields {
  readonly slug?: string | null | undefined;
  readonly search?: string | null | undefined;
  readonly enabled?: boolean | null | undefined;
  readonly transport?: McpTransport | null | undefined;
}

function where(organizationId: string, filter: ServerFilterFields): object {
  const conditions: object[] = [{ organizationId }];
  const search = filter.search ?? '';
  if (search !== '' && isStorableText(search)) {
    conditions.push({ $or: [{ name: containsText(search) }, { slug: containsText(search) }] });
  }
  if (typeof filter.slug === 'string' && isStorableText(filter.slug)) {
    conditions.push({ slug: filter.slug });
  }
  if (typeof filter.enabled === 'boolean') conditions.push({ enabled: filter.enabled });
  if (filter.transport) conditions.push({ transport: filter.transport });
  return { $and: conditions };
}

export function listServers(
  store: Store,
  organizationId: string,
  filter: ServerFilterFields,
  page: PageRequest,
): Promise<Page<ServerView>> {
  return store.withOrganization(organizationId, async (em) => {
    const servers = await findPage(em, McpServer, where(organizationId, filter), oldestFirst, page);
    return { ...servers, items: await views(em, organizationId, servers.items) };
  });
}

/** Servers by id, in no order; ids that name none are left out. */
export async function findServers(
  store: Store,
  organizationId: string,
  ids: readonly string[],
): Promise<ServerView[]> {
  const wanted = ids.filter(isUuid);
  if (wanted.length === 0) return [];
  return store.withOrganization(organizationId, async (em) => {
    const servers = await em.find(McpServer, { organizationId, id: { $in: wanted } });
    return views(em, organizationId, servers);
  });
}

const taken = { mcp_servers_organization_id_slug_key: 'slug' };

/** Replaces a server's credential with a new seal, or removes it. */
async function writeCredential(
  em: EntityManager,
  masterKeys: MasterKeyRing,
  server: McpServer,
  credential: CredentialFields | null,
): Promise<void> {
  const { organizationId, id: serverId } = server;
  await em.nativeDelete(UpstreamSecret, { organizationId, serverId });
  if (credential === null) return;
  const header = credential.header.toLowerCase();
  const context = upstreamSecretContext({ organizationId, serverId, header });
  const sealed = sealSecret(masterKeys, context, new Secret(credential.value));
  em.create(UpstreamSecret, { organizationId, id: uuidV7(), serverId, header, ...sealed });
}

/** Makes a server's endpoints those given; one whose URL stays keeps its id, and sessions on it work on. */
async function writeEndpoints(
  em: EntityManager,
  server: McpServer,
  endpoints: readonly EndpointFields[],
): Promise<void> {
  const { organizationId, id: serverId } = server;
  const before = await em.find(McpEndpoint, { organizationId, serverId });
  const wanted = new Map(endpoints.map(({ url, weight }) => [normalizeUpstreamUrl(url), weight]));
  for (const endpoint of before) {
    const weight = wanted.get(endpoint.url);
    if (weight === undefined) em.remove(endpoint);
    else endpoint.weight = weight;
    wanted.delete(endpoint.url);
  }
  for (const [url, weight] of wanted) {
    em.create(McpEndpoint, { organizationId, id: uuidV7(), serverId, url, weight });
  }
}

function rowFields(fields: ServerFields) {
  const { endpoints: _, labels, ...rest } = fields;
  return { ...rest, labels: Object.fromEntries(labels.map(({ name, value }) => [name, value])) };
}

/** A server as it is after a change, and the change's revision. */
export interface SavedServer {
  readonly server: ServerView;
  readonly revision: number;
}

const auditedNames = [
  'slug',
  'name',
  'description',
  'enabled',
  'transport',
  'era',
  'labels',
  'documentationUrl',
  'connectTimeoutMs',
  'requestTimeoutMs',
] as const;

/** A server as its audit entries know it. @param rewritten true: its credential was written again. */
function audited(server: ServerView, rewritten = false): AuditedFields {
  const { credential, endpoints } = server;
  return {
    ...auditedFields(server, auditedNames),
    endpoints: endpoints.map(({ url, weight }) => ({ url, weight })),
    credentialHeader: credential?.header ?? null,
    credential: credential !== null && rewritten ? secretReplaced : credential?.header,
  };
}

/** @param renamed true: policies that name servers may mean others by it. */
async function commitServer(
  em: EntityManager,
  actor: AuditEvent['actor'],
  server: ServerView,
  action: 'server.create' | 'server.update' | 'server.delete',
  change: AuditedChange,
  renamed = action !== 'server.update',
): Promise<{ revision: number }> {
  const resources: ChangedResource[] = [{ kind: 'server', id: server.id }];
  if (renamed) resources.push({ kind: 'server_names', id: server.organizationId });
  return commitChange(em, {
    organizationId: server.organizationId,
    actor,
    action,
    target: { type: 'server', id: server.id, label: server.slug },
    ...change,
    resources,
  });
}

export interface NewServer extends ServerFields {
  readonly organizationId: string;
  readonly credential?: CredentialFields | null | undefined;
}

/** Registers a server with its endpoints and its credential in one change. */
export async function createServer(
  deps: RegistryDependencies,
  actor: AuditEvent['actor'],
  input: NewServer,
): Promise<Outcome<SavedServer>> {
  const { organizationId, credential = null, ...fields } = input;
  const violations = [
    ...validateServer(fields, deps.addressRules),
    ...(credential === null ? [] : validateCredential(credential)),
  ];
  if (violations.length > 0) return { ok: false, violations };
  return orTaken(taken, () =>
    deps.store.withOrganization(organizationId, async (em) => {
      if ((await em.count(McpServer, { organizationId })) >= serverBounds.serversMax) {
        const text = `An organization has at most ${serverBounds.serversMax} servers.`;
        return refused(violation('organizationId', 'TOO_MANY', text));
      }
      const server = em.create(McpServer, { organizationId, id: uuidV7(), ...rowFields(fields) });
      await em.flush();
      await writeEndpoints(em, server, fields.endpoints);
      await writeCredential(em, deps.masterKeys, server, credential);
      await em.flush();
      const after = await viewOf(em, server);
      const change = auditedChange(null, audited(after));
      const { revision } = await commitServer(em, actor, after, 'server.create', change);
      return done({ server: after, revision });
    }),
  );
}

export interface ServerVersion {
  readonly organizationId: string;
  readonly id: string;
  readonly version: number;
}

/** What is undefined stays; null clears what can be null, and stays otherwise. */
export interface ServerChanges extends ServerVersion {
  readonly slug?: string | null | undefined;
  readonly name?: string | null | undefined;
  readonly description?: string | null | undefined;
  readonly enabled?: boolean | null | undefined;
  readonly transport?: McpTransport | null | undefined;
  readonly era?: McpEra | null | undefined;
  readonly endpoints?: readonly EndpointFields[] | null | undefined;
  readonly labels?: readonly LabelFields[] | null | undefined;
  readonly documentationUrl?: string | null | undefined;
  readonly connectTimeoutMs?: number | null | undefined;
  readonly requestTimeoutMs?: number | null | undefined;
  readonly credential?: CredentialFields | null | undefined;
}

function orKept<T>(changed: T | null | undefined, kept: T | null): T | null {
  return changed === undefined ? kept : changed;
}

function merged(before: ServerView, input: ServerChanges): ServerFields {
  return {
    slug: input.slug ?? before.slug,
    name: input.name ?? before.name,
    description: input.description ?? before.description,
    enabled: input.enabled ?? before.enabled,
    transport: input.transport ?? before.transport,
    era: orKept(input.era, before.era),
    endpoints: input.endpoints ?? before.endpoints,
    labels: input.labels ?? before.labels,
    documentationUrl: orKept(input.documentationUrl, before.documentationUrl),
    connectTimeoutMs: orKept(input.connectTimeoutMs, before.connectTimeoutMs),
    requestTimeoutMs: orKept(input.requestTimeoutMs, before.requestTimeoutMs),
  };
}

function lockServer(em: EntityManager, input: ServerVersion): Promise<Outcome<McpServer>> {
  return lockVersion(em, McpServer, input, 'server');
}

async function viewOf(em: EntityManager, server: McpServer): Promise<ServerView> {
  const [found] = await views(em, server.organizationId, [server]);
  if (found === undefined) throw new Error('A server that was read has no view.');
  return found;
}

/** Whether what the server offers may be another thing now, or may be asked for again. */
function isAskedOtherwise(input: ServerChanges): boolean {
  const { endpoints, credential, transport, era, enabled } = input;
  return [endpoints, credential, transport, era, enabled].some((field) => field !== undefined);
}

/** Has the worker look at once at what the server offers. */
async function askForDefinitions(
  em: EntityManager,
  { organizationId, id }: McpServer,
): Promise<void> {
  await em.execute(
    `update mcp_servers set next_definitions_fetch_at = now(), definitions_failures = 0
     where organization_id = ? and id = ?`,
    [organizationId, id],
  );
}

/** Changes a server, its endpoints and its credential in one change. */
export async function updateServer(
  deps: RegistryDependencies,
  actor: AuditEvent['actor'],
  input: ServerChanges,
): Promise<Outcome<SavedServer>> {
  const { credential } = input;
  return orTaken(taken, () =>
    deps.store.withOrganization(input.organizationId, async (em) => {
      const locked = await lockServer(em, input);
      if (!locked.ok) return locked;
      const server = locked.value;
      const before = await viewOf(em, server);
      const fields = merged(before, input);
      const violations = [
        ...validateServer(fields, deps.addressRules),
        ...(credential ? validateCredential(credential) : []),
      ];
      if (violations.length > 0) return { ok: false, violations };
      em.assign(server, rowFields(fields));
      // Also when only an endpoint or the credential changes: the server's version counts those too.
      server.updatedAt = new Date();
      if (input.endpoints) await writeEndpoints(em, server, fields.endpoints);
      if (credential !== undefined) await writeCredential(em, deps.masterKeys, server, credential);
      await em.flush();
      if (isAskedOtherwise(input)) await askForDefinitions(em, server);
      const after = await viewOf(em, server);
      const rewritten = credential !== undefined;
      const change = auditedChange(audited(before), audited(after, rewritten));
      const renamed = after.slug !== before.slug;
      const { revision } = await commitServer(em, actor, after, 'server.update', change, renamed);
      return done({ server: after, revision });
    }),
  );
}

/**
 * Deletes a server with its endpoints and its credential, in one change. Nodes refuse new calls as soon
 * as they have it; request logs keep the server's id.
 */
export async function deleteServer(
  store: Store,
  actor: AuditEvent['actor'],
  input: ServerVersion,
): Promise<Outcome<SavedServer>> {
  return store.withOrganization(input.organizationId, async (em) => {
    const locked = await lockServer(em, input);
    if (!locked.ok) return locked;
    const before = await viewOf(em, locked.value);
    await em.nativeDelete(McpServer, { organizationId: input.organizationId, id: input.id });
    const change = auditedChange(audited(before), null);
    const { revision } = await commitServer(em, actor, before, 'server.delete', change);
    return done({ server: before, revision });
  });
}
