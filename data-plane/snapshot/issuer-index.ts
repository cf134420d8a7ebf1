import type { IssuerEntry } from './issuer.ts';
import { PersistentMap, type PersistentMapEditor } from './persistent-map.ts';

/** An issuer that is held, in the state that it is held in. */
interface HeldIssuer {
  readonly entry: IssuerEntry;
  /** The last good of a resource whose newer version was refused: it gives way to a current one. */
  readonly lastGood: boolean;
}

/** The issuers of one organization, or of the platform. */
interface IssuersOfOrganization {
  readonly held: readonly HeldIssuer[];
  /** Those in force, one for each value of `iss`. */
  readonly entries: readonly IssuerEntry[];
  readonly byIssuer: ReadonlyMap<string, IssuerEntry>;
}

const none: readonly IssuerEntry[] = [];

function before(left: HeldIssuer, right: HeldIssuer): number {
  if (left.lastGood !== right.lastGood) return left.lastGood ? 1 : -1;
  return left.entry.id < right.entry.id ? -1 : 1;
}

function issuersOf(held: readonly HeldIssuer[]): IssuersOfOrganization {
  const sorted = [...held].sort(before);
  const byIssuer = new Map<string, IssuerEntry>();
  for (const { entry } of sorted) {
    if (!byIssuer.has(entry.issuer)) byIssuer.set(entry.issuer, entry);
  }
  return { held: sorted, entries: [...byIssuer.values()], byIssuer };
}

/**
 * Issuers by organization, and there by `iss`: two organizations may trust the same authorization server,
 * each with rules of its own, and what one of them says counts for nobody else. Immutable.
 */
export class IssuerIndex {
  readonly #organizations: PersistentMap<IssuersOfOrganization>;

  constructor(organizations: PersistentMap<IssuersOfOrganization> = PersistentMap.empty()) {
    this.#organizations = organizations;
  }

  find(organizationId: string, issuer: string): IssuerEntry | undefined {
    return this.#organizations.get(organizationId)?.byIssuer.get(issuer);
  }

  of(organizationId: string): readonly IssuerEntry[] {
    return this.#organizations.get(organizationId)?.entries ?? none;
  }

  edit(): IssuerIndexEditor {
    return new IssuerIndexEditor(this.#organizations.edit());
  }
}

export class IssuerIndexEditor {
  readonly #organizations: PersistentMapEditor<IssuersOfOrganization>;

  constructor(organizations: PersistentMapEditor<IssuersOfOrganization>) {
    this.#organizations = organizations;
  }

  add(entry: IssuerEntry, lastGood: boolean): void {
    const held = [...this.#others(entry), { entry, lastGood }];
    this.#organizations.set(entry.organizationId, issuersOf(held));
  }

  remove(entry: IssuerEntry): void {
    const held = this.#others(entry);
    if (held.length === 0) this.#organizations.delete(entry.organizationId);
    else this.#organizations.set(entry.organizationId, issuersOf(held));
  }

  finish(): IssuerIndex {
    return new IssuerIndex(this.#organizations.finish());
  }

  #others({ organizationId, id }: IssuerEntry): readonly HeldIssuer[] {
    const held = this.#organizations.get(organizationId)?.held ?? [];
    return held.filter(({ entry }) => entry.id !== id);
  }
}
