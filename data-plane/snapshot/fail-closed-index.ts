import { type ReceivedResource, resourceKey } from './held-resource.ts';
import { PersistentMap, type PersistentMapEditor } from './persistent-map.ts';
import type { FailClosedEntry } from './snapshot.ts';

/** The refused restrictions of one organization. */
interface ClosedOrganization {
  readonly refused: ReadonlyMap<string, ReceivedResource>;
  /** One of those that close the whole organization. */
  readonly whole: FailClosedEntry | undefined;
  readonly byServer: ReadonlyMap<string, FailClosedEntry>;
}

/** What a refused restriction without an organization closes: its target is unknown, so all of them. */
const everyOrganization = '';

function closedOrganization(refused: ReadonlyMap<string, ReceivedResource>): ClosedOrganization {
  let whole: FailClosedEntry | undefined;
  const byServer = new Map<string, FailClosedEntry>();
  for (const { type, name, scope } of refused.values()) {
    const entry = { type, name };
    if (scope.serverIds.length === 0) whole ??= entry;
    for (const serverId of scope.serverIds) byServer.set(serverId, entry);
  }
  return { refused, whole, byServer };
}

/** Which servers are closed by restrictions that this node can't enforce. Immutable. */
export class FailClosedIndex {
  readonly #organizations: PersistentMap<ClosedOrganization>;

  constructor(organizations: PersistentMap<ClosedOrganization> = PersistentMap.empty()) {
    this.#organizations = organizations;
  }

  find(organizationId: string, serverId: string): FailClosedEntry | undefined {
    const all = this.#organizations.get(everyOrganization);
    const closed = this.#organizations.get(organizationId);
    return (
      all?.whole ?? all?.byServer.get(serverId) ?? closed?.whole ?? closed?.byServer.get(serverId)
    );
  }

  edit(): FailClosedIndexEditor {
    return new FailClosedIndexEditor(this, this.#organizations.edit());
  }
}

/** Collects changes, so that each organization's part is derived once however many there are. */
export class FailClosedIndexEditor {
  readonly #original: FailClosedIndex;
  readonly #organizations: PersistentMapEditor<ClosedOrganization>;
  readonly #changed = new Map<string, Map<string, ReceivedResource>>();

  constructor(original: FailClosedIndex, organizations: PersistentMapEditor<ClosedOrganization>) {
    this.#original = original;
    this.#organizations = organizations;
  }

  close(resource: ReceivedResource): void {
    this.#refusedOf(resource).set(resourceKey(resource.type, resource.name), resource);
  }

  lift(resource: ReceivedResource): void {
    this.#refusedOf(resource).delete(resourceKey(resource.type, resource.name));
  }

  finish(): FailClosedIndex {
    if (this.#changed.size === 0) return this.#original;
    for (const [organizationId, refused] of this.#changed) {
      if (refused.size === 0) this.#organizations.delete(organizationId);
      else this.#organizations.set(organizationId, closedOrganization(refused));
    }
    return new FailClosedIndex(this.#organizations.finish());
  }

  #refusedOf({ scope: { organizationId } }: ReceivedResource): Map<string, ReceivedResource> {
    const existing = this.#changed.get(organizationId);
    if (existing !== undefined) return existing;
    const copy = new Map(this.#organizations.get(organizationId)?.refused);
    this.#changed.set(organizationId, copy);
    return copy;
  }
}
