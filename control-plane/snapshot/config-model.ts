import type { CompiledResource, ResourceKey } from './compiled-resource.ts';
import { resourceKey } from './compiled-resource.ts';
import { type GroupRow, GroupView } from './group-view.ts';

/** Which row a resource was compiled from, such as `api_key/<row id>`: a deleted row no longer tells its name. */
export type SourceKey = string;

/** The outcome of reading one row again: its resource, or undefined when it has none any more. */
export interface SourceChange {
  readonly source: SourceKey;
  readonly resource: CompiledResource | undefined;
}

/** What changed on the way to a revision. */
export interface ModelChange {
  readonly toRevision: number;
  readonly sources: readonly SourceChange[];
  /** All groups, when any of them changed. */
  readonly groups: readonly GroupRow[] | undefined;
}

/**
 * Everything that nodes may be told, compiled, at one revision of one database. It changes from one
 * revision to another within one call, so that whoever reads it between calls sees whole revisions.
 */
export class ConfigModel {
  readonly epoch: string;
  readonly #changeLogKeysMax: number;
  readonly #bySource = new Map<SourceKey, CompiledResource>();
  readonly #organizations = new Map<string, Map<SourceKey, CompiledResource>>();
  readonly #groups = new Map<string, GroupView>();
  #revision: number;

  /** An empty model that stands at `revision`; the first `apply` fills it. */
  constructor(epoch: string, revision: number, changeLogKeysMax: number) {
    this.epoch = epoch;
    this.#revision = revision;
    this.#changeLogKeysMax = changeLogKeysMax;
  }

  get revision(): number {
    return this.#revision;
  }

  group(groupId: string): GroupView | undefined {
    return this.#groups.get(groupId);
  }

  groupIds(): Iterable<string> {
    return this.#groups.keys();
  }

  /** Number of resources compiled, over all organizations. */
  get size(): number {
    return this.#bySource.size;
  }

  /** What was compiled of a server's approved tools. */
  toolPinSources(serverId: string): SourceKey[] {
    const isOfServer = ({ type, scope }: CompiledResource) =>
      type === 'ToolPin' && scope.serverIds[0] === serverId;
    return [...this.#bySource].flatMap(([source, resource]) =>
      isOfServer(resource) ? source : [],
    );
  }

  apply(change: ModelChange): void {
    for (const { source, resource } of change.sources) this.#setSource(source, resource);
    if (change.groups) this.#setGroups(change.groups, change.toRevision);
    // Last: whether an organization is known decides what of it is seen, whatever came first.
    this.#dropUnknownOrganizations(change.sources);
    for (const group of this.#groups.values()) group.commit(change.toRevision);
    this.#revision = change.toRevision;
  }

  #setSource(source: SourceKey, resource: CompiledResource | undefined): void {
    const old = this.#bySource.get(source);
    if (old && (!resource || keyOf(old) !== keyOf(resource))) this.#removeSource(source, old);
    if (!resource) return;
    this.#bySource.set(source, resource);
    const organizationId = resource.scope.organizationId;
    let members = this.#organizations.get(organizationId);
    if (!members) {
      members = new Map();
      this.#organizations.set(organizationId, members);
    }
    members.set(source, resource);
    for (const group of this.#groups.values()) {
      if (this.#serves(group, resource)) group.set(resource);
    }
  }

  #removeSource(source: SourceKey, resource: CompiledResource): void {
    this.#bySource.delete(source);
    const members = this.#organizations.get(resource.scope.organizationId);
    members?.delete(source);
    if (members?.size === 0) this.#organizations.delete(resource.scope.organizationId);
    for (const group of this.#groups.values()) group.remove(keyOf(resource));
  }

  /** A group's own ring goes to that group alone, what is no organization's to all; the rest follows it. */
  #serves(group: GroupView, resource: CompiledResource): boolean {
    if (resource.type === 'SealKeyRing') return resource.name === group.id;
    const { organizationId } = resource.scope;
    if (organizationId === '') return true;
    return group.row.servesAll || group.row.organizationIds.has(organizationId);
  }

  #setGroups(rows: readonly GroupRow[], revision: number): void {
    const known = new Set(rows.map((row) => row.id));
    for (const id of [...this.#groups.keys()]) if (!known.has(id)) this.#groups.delete(id);
    for (const row of rows) {
      const group = this.#groups.get(row.id);
      if (group) {
        group.setRow(row);
        this.#refill(group);
      } else {
        const view = new GroupView(row, revision, this.#changeLogKeysMax);
        this.#groups.set(row.id, view);
        this.#refill(view);
      }
    }
  }

  #refill(group: GroupView): void {
    for (const resource of [...group.resources()]) {
      if (!this.#serves(group, resource)) group.remove(keyOf(resource));
    }
    for (const resource of this.#bySource.values()) {
      if (this.#serves(group, resource)) group.set(resource);
    }
  }

  /** Deleting an organization deletes its rows in the database without a change entry for each. */
  #dropUnknownOrganizations(sources: readonly SourceChange[]): void {
    for (const { source, resource } of sources) {
      if (resource || !source.startsWith('organization/')) continue;
      const organizationId = source.slice('organization/'.length);
      const members = this.#organizations.get(organizationId);
      for (const [member, compiled] of members ?? []) this.#removeSource(member, compiled);
    }
  }
}

function keyOf(resource: CompiledResource): ResourceKey {
  return resourceKey(resource.type, resource.name);
}
