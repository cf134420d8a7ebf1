import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from '../../common/logging.ts';
import type { ChangeFeed } from '../store/change-feed.ts';
import type { MasterKey } from '../store/master-key.ts';
import type { Store } from '../store/store.ts';
import { ConfigModel, type SourceChange } from './config-model.ts';
import {
  type RevisionRow,
  readApiKeys,
  readGroups,
  readOrganizations,
  readPosition,
  readRevisions,
  readSealKeys,
  readServers,
} from './config-rows.ts';
import { RowCompiler } from './row-compiler.ts';
import { type TouchedRows, touchedRows } from './touched-rows.ts';

/** The part of the change feed that the state follows. */
export type ConfigFeed = Pick<ChangeFeed, 'on' | 'lastReadAtMs' | 'revision'>;

export interface ConfigStateOptions {
  readonly store: Store;
  readonly feed: ConfigFeed;
  readonly masterKey: MasterKey;
  readonly logger: Logger;
  readonly nowMs: () => number;
  /** Changed resources that each node group remembers; default 20,000. */
  readonly changeLogKeysMax?: number;
  /** Revisions read one by one; further behind, everything is built anew. Default 5,000. */
  readonly revisionsMax?: number;
  /** Wait after a read that failed, in milliseconds; default 500. */
  readonly retryDelayMs?: number;
}

export interface ConfigStateEvent {
  /** Node tokens may have been revoked. */
  readonly tokens: boolean;
}

type Step =
  | { readonly kind: 'same' }
  | { readonly kind: 'rebuilt'; readonly model: ConfigModel }
  | {
      readonly kind: 'changed';
      readonly touched: TouchedRows;
      readonly apply: () => void;
    };

/**
 * Everything that nodes may be told, in memory, at the last revision that this replica has read: built
 * once, then kept up to date by reading again only what revisions touched. Each read is one repeatable-read
 * transaction, so that what is compiled is always a state that the database had.
 */
export class ConfigState {
  readonly #options: Required<ConfigStateOptions>;
  readonly #compiler: RowCompiler;
  readonly #listeners = new Set<(event: ConfigStateEvent) => void>();
  readonly #stopFollowing: () => void;
  #model: ConfigModel | undefined;
  #readAtMs = 0;
  #running: Promise<void> | undefined;
  #queued: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(options: ConfigStateOptions) {
    this.#options = {
      changeLogKeysMax: 20_000,
      revisionsMax: 5000,
      retryDelayMs: 500,
      ...options,
    };
    this.#compiler = new RowCompiler(options.masterKey, options.logger);
    this.#stopFollowing = options.feed.on('config', ({ revision, reconnected }) => {
      if (reconnected || revision !== this.#model?.revision) this.#catchUp();
    });
  }

  /** Builds the state once and follows the feed from then on. @throws when the database can't be read. */
  static async open(options: ConfigStateOptions): Promise<ConfigState> {
    const state = new ConfigState(options);
    try {
      await state.refresh();
    } catch (error) {
      await state.close();
      throw error;
    }
    return state;
  }

  /** See `ConfigSource` in discovery/. */
  get model(): ConfigModel | undefined {
    return this.#model;
  }

  /**
   * When this replica last knew that it stood where the database stands: its own last read, or the feed's
   * when that saw nothing newer.
   */
  get readAtMs(): number {
    const { feed } = this.#options;
    const current = feed.revision === this.#model?.revision;
    return Math.max(this.#readAtMs, current ? (feed.lastReadAtMs ?? 0) : 0);
  }

  /** Calls `listener` after each change of the model, until the returned function is called. */
  subscribe(listener: (event: ConfigStateEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Reads what has been committed until now; calls that come meanwhile share the next read. */
  refresh(): Promise<void> {
    if (!this.#running) return this.#start();
    if (!this.#queued) {
      const queued = this.#running
        .catch(() => undefined)
        .then(() => {
          this.#queued = undefined;
          return this.#start();
        });
      this.#queued = queued;
    }
    return this.#queued;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stopFollowing();
    this.#listeners.clear();
    clearTimeout(this.#retry);
    await this.#queued?.catch(() => undefined);
    await this.#running?.catch(() => undefined);
  }

  #start(): Promise<void> {
    const running = this.#read().finally(() => {
      if (this.#running === running) this.#running = undefined;
    });
    this.#running = running;
    return running;
  }

  #catchUp(): void {
    this.refresh().catch((error: unknown) => {
      if (this.#closed) return;
      this.#options.logger.warn({ err: error }, 'configuration could not be read; trying again');
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => this.#catchUp(), this.#options.retryDelayMs);
    });
  }

  async #read(): Promise<void> {
    if (this.#closed) throw new Error('The configuration state is closed.');
    const begunAtMs = this.#options.nowMs();
    const step = await this.#options.store.withSystem((em) => this.#step(em), {
      isolation: 'repeatable read',
    });
    this.#readAtMs = begunAtMs;
    switch (step.kind) {
      case 'same':
        return;
      case 'rebuilt': {
        const { epoch, revision, size } = step.model;
        this.#model = step.model;
        this.#options.logger.info({ epoch, revision, resources: size }, 'configuration built');
        this.#emit({ tokens: true });
        return;
      }
      case 'changed':
        step.apply();
        this.#emit({ tokens: step.touched.tokens });
    }
  }

  async #step(em: EntityManager): Promise<Step> {
    const model = this.#model;
    const { epoch, revision } = await readPosition(em);
    if (!model || model.epoch !== epoch || model.revision > revision) {
      return { kind: 'rebuilt', model: await this.#build(em, epoch, revision) };
    }
    if (model.revision === revision) return { kind: 'same' };
    const missing = revision - model.revision;
    const revisions: RevisionRow[] =
      missing > this.#options.revisionsMax
        ? []
        : await readRevisions(em, model.revision, this.#options.revisionsMax);
    if (revisions.length !== missing) {
      return { kind: 'rebuilt', model: await this.#build(em, epoch, revision) };
    }
    const touched = touchedRows(revisions);
    const sources = await this.#touchedSources(em, touched);
    const groups = touched.groups ? await readGroups(em) : undefined;
    return {
      kind: 'changed',
      touched,
      apply: () => model.apply({ toRevision: revision, sources, groups }),
    };
  }

  async #build(em: EntityManager, epoch: string, revision: number): Promise<ConfigModel> {
    const groups = await readGroups(em);
    const sources: SourceChange[] = [];
    for (const row of await readOrganizations(em, 'all')) {
      sources.push(this.#compiler.organization(row));
    }
    for (const row of await readServers(em, 'all')) sources.push(this.#compiler.server(row));
    for (const row of await readApiKeys(em, { ids: 'all', userIds: new Set() })) {
      sources.push(this.#compiler.apiKey(row));
    }
    const groupIds = new Set(groups.map(({ id }) => id));
    sources.push(...(await this.#sealKeyRings(em, groupIds)));
    const model = new ConfigModel(epoch, revision, this.#options.changeLogKeysMax);
    model.apply({ toRevision: revision, sources, groups });
    return model;
  }

  /** Reads the touched rows again; a row that is gone, or no longer to be streamed, has no resource. */
  async #touchedSources(em: EntityManager, touched: TouchedRows): Promise<SourceChange[]> {
    const sources: SourceChange[] = [];
    const add = (kind: string, ids: ReadonlySet<string>, found: readonly SourceChange[]) => {
      const present = new Set(found.map(({ source }) => source));
      sources.push(...found);
      for (const id of ids) {
        const source = `${kind}/${id}`;
        if (!present.has(source)) sources.push({ source, resource: undefined });
      }
    };
    if (touched.organizationIds.size > 0) {
      const rows = await readOrganizations(em, touched.organizationIds);
      const found = rows.map((row) => this.#compiler.organization(row));
      add('organization', touched.organizationIds, found);
    }
    if (touched.serverIds.size > 0) {
      const rows = await readServers(em, touched.serverIds);
      const found = rows.map((row) => this.#compiler.server(row));
      add('server', touched.serverIds, found);
    }
    if (touched.apiKeyIds.size > 0 || touched.userIds.size > 0) {
      const selection = { ids: touched.apiKeyIds, userIds: touched.userIds };
      const rows = await readApiKeys(em, selection);
      const found = rows.map((row) => this.#compiler.apiKey(row));
      add('api_key', touched.apiKeyIds, found);
    }
    if (touched.sealKeyGroupIds.size > 0) {
      sources.push(...(await this.#sealKeyRings(em, touched.sealKeyGroupIds)));
    }
    return sources;
  }

  async #sealKeyRings(em: EntityManager, groupIds: ReadonlySet<string>): Promise<SourceChange[]> {
    const rows = Map.groupBy(await readSealKeys(em, groupIds), (row) => row.nodeGroupId);
    return [...groupIds].map((id) => this.#compiler.sealKeys(id, rows.get(id) ?? []));
  }

  #emit(event: ConfigStateEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
