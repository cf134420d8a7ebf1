import type { Logger } from '../../common/logging.ts';
import type { ChangeFeed } from '../store/change-feed.ts';
import type { MasterKeyRing } from '../store/master-key-ring.ts';
import type { Store } from '../store/store.ts';
import { type ConfigChanges, readConfigChanges } from './config-changes.ts';
import { ConfigModel, type SourceChange } from './config-model.ts';
import {
  type ConfigRows,
  type DatabasePosition,
  readAllRows,
  readPosition,
} from './config-rows.ts';
import { RowCompiler } from './row-compiler.ts';
import { type TouchedRows, touchedRows } from './touched-rows.ts';

/** The part of the change feed that the state follows. */
export type ConfigFeed = Pick<ChangeFeed, 'on' | 'lastReadAtMs' | 'revision'>;

export interface ConfigStateOptions {
  readonly store: Store;
  readonly feed: ConfigFeed;
  readonly masterKeys: MasterKeyRing;
  /** `iss` of the gateway's own tokens, which nodes check. */
  readonly tokenIssuer: string;
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

/**
 * Everything that nodes may be told, in memory, at the last revision that this replica has read: built
 * once, then kept up to date by reading again only what revisions touched. Each read is one statement, or
 * one repeatable-read transaction, so that what is compiled is always a state that the database had.
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
    this.#compiler = new RowCompiler(options.masterKeys, options.tokenIssuer, options.logger);
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
    const { store, revisionsMax, nowMs } = this.#options;
    const begunAtMs = nowMs();
    const model = this.#model;
    const changes = model && (await readConfigChanges(store, model.revision, revisionsMax));
    if (!model || !changes || !leadsOn(model, changes)) {
      await this.#rebuild();
      this.#readAtMs = begunAtMs;
      this.#emit({ tokens: true });
      return;
    }
    this.#readAtMs = begunAtMs;
    if (changes.revision === model.revision) return;
    const touched = touchedRows(changes.revisions);
    model.apply({
      toRevision: changes.revision,
      sources: this.#touchedSources(changes.rows, touched),
      groups: touched.groups ? changes.rows.groups : undefined,
    });
    this.#emit({ tokens: touched.tokens });
  }

  async #rebuild(): Promise<void> {
    const { store, logger } = this.#options;
    const model = await store.withSystem(
      async (em) => this.#build(await readPosition(em), await readAllRows(em)),
      { isolation: 'repeatable read' },
    );
    this.#model = model;
    const { epoch, revision, size } = model;
    logger.info({ epoch, revision, resources: size }, 'configuration built');
  }

  #build({ epoch, revision }: DatabasePosition, rows: ConfigRows): ConfigModel {
    const groupIds = new Set(rows.groups.map(({ id }) => id));
    const sources = [
      ...this.#compiled(rows),
      ...this.#sealKeyRings(rows, groupIds),
      this.#compiler.platformIssuer(rows.signingKeys),
    ];
    const model = new ConfigModel(epoch, revision, this.#options.changeLogKeysMax);
    model.apply({ toRevision: revision, sources, groups: rows.groups });
    return model;
  }

  #compiled(rows: ConfigRows): SourceChange[] {
    return [
      ...rows.organizations.map((row) => this.#compiler.organization(row)),
      ...rows.servers.map((row) => this.#compiler.server(row)),
      ...rows.revocations.map((row) => this.#compiler.revocation(row)),
      ...rows.apiKeys.map((row) => this.#compiler.apiKey(row)),
      ...rows.issuers.map((row) => this.#compiler.issuer(row)),
      ...rows.policies.map((row) => this.#compiler.policy(row)),
      ...rows.toolPins.map((row) => this.#compiler.toolPin(row)),
    ];
  }

  /** A touched row that is gone, or no longer to be streamed, has no resource. */
  #touchedSources(rows: ConfigRows, touched: TouchedRows): SourceChange[] {
    const found = this.#compiled(rows);
    const present = new Set(found.map(({ source }) => source));
    const gone = [
      ...[...touched.organizationIds].map((id) => `organization/${id}`),
      ...[...touched.serverIds].map((id) => `server/${id}`),
      ...[...touched.apiKeyIds].map((id) => `api_key/${id}`),
      // Also the ids of changes, which name no source.
      ...[...touched.revocationIds].map((id) => `revocation/${id}`),
      ...[...touched.issuerIds].map((id) => `issuer/${id}`),
      ...[...touched.policyIds].map((id) => `policy/${id}`),
      ...[...touched.toolPinIds].map((id) => `tool_pin/${id}`),
      ...this.#toolPinsGone(touched, present),
    ].filter((source) => !present.has(source));
    return [
      ...found,
      ...gone.map((source) => ({ source, resource: undefined })),
      ...this.#sealKeyRings(rows, touched.sealKeyGroupIds),
      ...(touched.signingKeys ? [this.#compiler.platformIssuer(rows.signingKeys)] : []),
    ];
  }

  /** Deleting a server deletes what was approved of it without a change entry for each. */
  #toolPinsGone({ serverIds }: TouchedRows, present: ReadonlySet<string>): string[] {
    const gone = [...serverIds].filter((id) => !present.has(`server/${id}`));
    return gone.flatMap((id) => this.#model?.toolPinSources(id) ?? []);
  }

  #sealKeyRings({ sealKeys }: ConfigRows, groupIds: ReadonlySet<string>): SourceChange[] {
    const rings = Map.groupBy(sealKeys, (row) => row.nodeGroupId);
    return [...groupIds].map((id) => this.#compiler.sealKeys(id, rings.get(id) ?? []));
  }

  #emit(event: ConfigStateEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

/** Whether changes lead on from a model: of the same history, not behind it, and all of them there. */
function leadsOn(model: ConfigModel, { epoch, revision, revisions }: ConfigChanges): boolean {
  return epoch === model.epoch && revisions.length === revision - model.revision;
}
