import { ClaimIndex, type ClaimIndexEditor } from './claim-index.ts';
import { FailClosedIndex, type FailClosedIndexEditor } from './fail-closed-index.ts';
import { closesScope, type HeldResource, type UsableResource } from './held-resource.ts';
import { IssuerIndex, type IssuerIndexEditor } from './issuer-index.ts';
import { PersistentMap, type PersistentMapEditor } from './persistent-map.ts';
import { PolicyTable, type PolicyTableEditor } from './policy-table.ts';
import { RevocationIndex, type RevocationIndexEditor } from './revocation-index.ts';
import type { SealKeyRing } from './seal-key-ring.ts';
import type { ApiKeyEntry, OrganizationEntry, ServerEntry, Snapshot } from './snapshot.ts';
import type { ToolPinEntry } from './tool-pin.ts';

type Rings = ReadonlyMap<string, SealKeyRing>;

function serverSlug(organizationId: string, slug: string): string {
  return `${organizationId}/${slug}`;
}

/** Ids hold no slash, so that no tool's name can reach into another server's. */
function serverTool(serverId: string, tool: string): string {
  return `${serverId}/${tool}`;
}

/** A node group has one ring; should there be more, the first by name seals and all of them open. */
function joinRings(rings: Rings): SealKeyRing | undefined {
  const [first, ...others] = [...rings.entries()].sort().map(([, ring]) => ring);
  if (first === undefined || others.length === 0) return first;
  const all = [first, ...others];
  return {
    primary: first.primary,
    find: (id) => all.map((ring) => ring.find(id)).find((key) => key !== undefined),
  };
}

interface Tables {
  readonly organizations: ClaimIndex<OrganizationEntry>;
  readonly apiKeys: PersistentMap<ApiKeyEntry>;
  readonly servers: ClaimIndex<ServerEntry>;
  readonly issuers: IssuerIndex;
  readonly toolPins: ClaimIndex<ToolPinEntry>;
  /** By server: another object after each change of its pins. */
  readonly toolPinMarks: PersistentMap<object>;
  readonly policies: PolicyTable;
  readonly revocations: RevocationIndex;
  readonly rings: Rings;
  /** The keys in use: those of the rings held, or of the last ones when a ring was taken away for none. */
  readonly sealKeys: SealKeyRing | undefined;
  readonly failClosed: FailClosedIndex;
}

/** The indexes that calls are decided by. Immutable; an edit shares what it leaves alone. */
export class SnapshotTables {
  readonly #tables: Tables;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  static empty(): SnapshotTables {
    return new SnapshotTables({
      organizations: new ClaimIndex(),
      apiKeys: PersistentMap.empty(),
      servers: new ClaimIndex(),
      issuers: new IssuerIndex(),
      toolPins: new ClaimIndex(),
      toolPinMarks: PersistentMap.empty(),
      policies: new PolicyTable(),
      revocations: new RevocationIndex(),
      rings: new Map(),
      sealKeys: undefined,
      failClosed: new FailClosedIndex(),
    });
  }

  /** Undefined until there is a seal key ring: sessions could not be sealed, so that no call can be served. */
  snapshot(epoch: string, revision: number): Snapshot | undefined {
    const { organizations, apiKeys, servers, issuers, sealKeys, failClosed } = this.#tables;
    const { revocations, toolPins, toolPinMarks, policies } = this.#tables;
    if (sealKeys === undefined) return undefined;
    return {
      epoch,
      revision,
      sealKeys,
      revocations,
      organization: (slug) => organizations.get(slug),
      apiKey: (keyId) => apiKeys.get(keyId),
      server: (organizationId, slug) => servers.get(serverSlug(organizationId, slug)),
      issuer: (organizationId, issuer) => issuers.find(organizationId, issuer),
      issuers: (organizationId) => issuers.of(organizationId),
      toolPin: (serverId, tool) => toolPins.get(serverTool(serverId, tool))?.pin,
      toolPinMark: (serverId) => toolPinMarks.get(serverId),
      policies: ({ id, policyDefault }) => policies.of(id, policyDefault),
      failClosed: (organizationId, serverId) => failClosed.find(organizationId, serverId),
    };
  }

  edit(): SnapshotTablesEditor {
    return new SnapshotTablesEditor(this.#tables);
  }
}

export class SnapshotTablesEditor {
  readonly #organizations: ClaimIndexEditor<OrganizationEntry>;
  readonly #apiKeys: PersistentMapEditor<ApiKeyEntry>;
  readonly #servers: ClaimIndexEditor<ServerEntry>;
  readonly #issuers: IssuerIndexEditor;
  readonly #toolPins: ClaimIndexEditor<ToolPinEntry>;
  readonly #toolPinMarks: PersistentMapEditor<object>;
  readonly #policies: PolicyTableEditor;
  readonly #revocations: RevocationIndexEditor;
  readonly #rings: Map<string, SealKeyRing>;
  readonly #sealKeysBefore: SealKeyRing | undefined;
  readonly #failClosed: FailClosedIndexEditor;

  constructor(tables: Tables) {
    this.#organizations = tables.organizations.edit();
    this.#apiKeys = tables.apiKeys.edit();
    this.#servers = tables.servers.edit();
    this.#issuers = tables.issuers.edit();
    this.#toolPins = tables.toolPins.edit();
    this.#toolPinMarks = tables.toolPinMarks.edit();
    this.#policies = tables.policies.edit();
    this.#revocations = tables.revocations.edit();
    this.#rings = new Map(tables.rings);
    this.#sealKeysBefore = tables.sealKeys;
    this.#failClosed = tables.failClosed.edit();
  }

  /** Takes out everything that a held resource brought in. */
  remove(held: HeldResource): void {
    if (held.usable !== undefined) this.#removeUsable(held.usable);
    if (closesScope(held)) this.#failClosed.lift(held.received);
  }

  add(held: HeldResource): void {
    if (held.usable !== undefined) this.#addUsable(held.usable, held.refusal !== undefined);
    if (closesScope(held)) this.#failClosed.close(held.received);
  }

  /** In steps, for an organization may have many policies. */
  *finishing(): Generator<void, SnapshotTables> {
    const policies = yield* this.#policies.finishing();
    return new SnapshotTables({
      organizations: this.#organizations.finish(),
      apiKeys: this.#apiKeys.finish(),
      servers: this.#servers.finish(),
      issuers: this.#issuers.finish(),
      toolPins: this.#toolPins.finish(),
      toolPinMarks: this.#toolPinMarks.finish(),
      policies,
      revocations: this.#revocations.finish(),
      rings: this.#rings,
      sealKeys: joinRings(this.#rings) ?? this.#sealKeysBefore,
      failClosed: this.#failClosed.finish(),
    });
  }

  #addUsable({ resource, entry }: UsableResource, lastGood: boolean): void {
    switch (entry.type) {
      case 'Organization':
        this.#organizations.add(entry.value.slug, {
          id: entry.value.id,
          entry: entry.value,
          lastGood,
        });
        return;
      case 'ApiKey':
        this.#apiKeys.set(entry.value.keyId, entry.value);
        return;
      case 'Server':
        this.#servers.add(serverSlug(entry.value.organizationId, entry.value.slug), {
          id: entry.value.id,
          entry: entry.value,
          lastGood,
        });
        return;
      case 'Issuer':
        this.#issuers.add(entry.value, lastGood);
        return;
      case 'ToolPin':
        this.#toolPins.add(serverTool(entry.value.serverId, entry.value.pin.tool), {
          id: entry.value.id,
          entry: entry.value,
          lastGood,
        });
        this.#toolPinMarks.set(entry.value.serverId, {});
        return;
      case 'Policy':
        this.#policies.add(entry.value);
        return;
      case 'Revocation':
        this.#revocations.add(entry.value);
        return;
      case 'SealKeyRing':
        this.#rings.set(resource.name, entry.value);
        return;
    }
  }

  #removeUsable({ resource, entry }: UsableResource): void {
    switch (entry.type) {
      case 'Organization':
        this.#organizations.remove(entry.value.slug, entry.value.id);
        return;
      case 'ApiKey':
        this.#apiKeys.delete(entry.value.keyId);
        return;
      case 'Server':
        this.#servers.remove(
          serverSlug(entry.value.organizationId, entry.value.slug),
          entry.value.id,
        );
        return;
      case 'Issuer':
        this.#issuers.remove(entry.value);
        return;
      case 'ToolPin':
        this.#toolPins.remove(
          serverTool(entry.value.serverId, entry.value.pin.tool),
          entry.value.id,
        );
        this.#toolPinMarks.set(entry.value.serverId, {});
        return;
      case 'Policy':
        this.#policies.remove(entry.value);
        return;
      case 'Revocation':
        this.#revocations.remove(entry.value);
        return;
      case 'SealKeyRing':
        this.#rings.delete(resource.name);
        return;
    }
  }
}
