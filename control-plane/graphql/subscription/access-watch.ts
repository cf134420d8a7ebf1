import type { Logger } from '../../../common/logging.ts';
import type { ChangeFeed } from '../../store/change-feed.ts';
import type { ChangedResource, ChangedResourceKind } from '../../store/changed-resource.ts';
import type { Store } from '../../store/store.ts';

/** Somebody whose access may change while they follow something. */
export interface Watched {
  /** The person or service account, and the session or API key that was used. */
  readonly ids: ReadonlySet<string>;
  /** The organization whose things are followed; undefined: the platform's. */
  readonly organizationId: string | undefined;
  /** Asks to look again at what the subscriber may do. Must not throw. */
  readonly recheck: () => void;
}

export interface AccessWatchOptions {
  readonly store: Pick<Store, 'readSystem'>;
  readonly feed: Pick<ChangeFeed, 'on'>;
  readonly logger: Logger;
}

/** Changes to what these name may end somebody's access: the change's id is that of one who is watched. */
const personalKinds: ReadonlySet<ChangedResourceKind> = new Set([
  'user',
  'membership',
  'session',
  'api_key',
  'service_account',
]);
/** Changes to these concern everybody in the organization. */
const sharedKinds: ReadonlySet<ChangedResourceKind> = new Set(['organization', 'custom_role']);

/** Changes looked through at once; after more than these everybody looks again. */
const changesMax = 1000;

const changesSince = {
  name: 'access_changes_since',
  text: `select revision::text as revision, organization_id::text as "organizationId", entries
    from config_changes where revision > $1 order by revision limit $2`,
};

interface ChangeRow {
  readonly revision: string;
  readonly organizationId: string | null;
  readonly entries: readonly ChangedResource[];
}

function concerns(watched: Watched, change: ChangeRow): boolean {
  return change.entries.some(
    ({ kind, id }) =>
      (personalKinds.has(kind) && watched.ids.has(id)) ||
      (sharedKinds.has(kind) && watched.organizationId === change.organizationId),
  );
}

/**
 * Tells subscribers at once when a committed change may have taken what they are allowed: a role, a session,
 * a key, an account. Each replica reads the changes once, however many subscribers it has; only those
 * concerned then ask the database what they still may do.
 */
export class AccessWatch {
  readonly #options: AccessWatchOptions;
  readonly #watched = new Set<Watched>();
  #revision: number | undefined;
  #latest = 0;
  #reading = false;

  constructor(options: AccessWatchOptions) {
    this.#options = options;
    options.feed.on('config', ({ revision }) => this.#changed(revision));
  }

  /** Watches until the returned function is called. What changed before may not have been told. */
  watch(watched: Watched): () => void {
    this.#watched.add(watched);
    return () => {
      this.#watched.delete(watched);
    };
  }

  #changed(revision: number): void {
    this.#latest = revision;
    // A restored database tells other revisions; before the first event nothing is known.
    const unknown = this.#revision === undefined || revision < this.#revision;
    if (unknown || this.#watched.size === 0) {
      this.#revision = revision;
      this.#recheckAll();
      return;
    }
    if (this.#reading) return;
    this.#reading = true;
    this.#readOn()
      .catch((error: unknown) => {
        this.#options.logger.warn({ err: error }, 'changes of access could not be read');
        this.#revision = this.#latest;
        this.#recheckAll();
      })
      .finally(() => {
        this.#reading = false;
      });
  }

  async #readOn(): Promise<void> {
    while ((this.#revision ?? 0) < this.#latest) {
      const from = this.#revision ?? 0;
      const { store } = this.#options;
      const changes = await store.readSystem<ChangeRow>(changesSince, [from, changesMax]);
      const last = changes.at(-1);
      if (last === undefined || changes.length === changesMax) {
        this.#revision = this.#latest;
        this.#recheckAll();
        return;
      }
      this.#revision = Number(last.revision);
      for (const watched of this.#watched) {
        if (changes.some((change) => concerns(watched, change))) watched.recheck();
      }
    }
  }

  #recheckAll(): void {
    for (const watched of this.#watched) watched.recheck();
  }
}
