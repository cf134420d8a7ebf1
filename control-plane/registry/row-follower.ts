import type { EntityManager } from '@mikro-orm/postgresql';

/** More rows came since the last read than a follower may hold: it can't be told of all of them. */
export class FollowerLagged extends Error {
  constructor() {
    super('Too many rows came since the last read.');
    this.name = 'FollowerLagged';
  }
}

/** Which rows to follow. The texts are SQL of ours; values come as parameters. */
export interface FollowedRows {
  readonly table: 'request_logs' | 'nodes';
  /** Condition with `?` for each parameter. */
  readonly condition: string;
  readonly parameters: readonly unknown[];
  /** Column that says when a row was written, by the database's clock; its index bounds each read. */
  readonly writtenAt: 'received_at' | 'updated_at';
}

export interface RowFollowerOptions {
  /** Rows that one read may find. */
  readonly rowsMax: number;
  /**
   * How long before its commit a row may have been stamped, in milliseconds: longer than any transaction
   * that writes such rows.
   */
  readonly lateCommitMsMax: number;
}

/** A row that a follower has found. */
export interface FoundRow {
  readonly id: string;
  readonly writtenAt: Date;
}

interface Position {
  /** Oldest transaction that was running at the last read, as a 32-bit xid. */
  readonly horizon: string;
  readonly nowMs: number;
}

/**
 * Finds the rows that became visible since it last looked: each once, none left out. Ids and times can't
 * tell this, because transactions commit in another order than they begin. PostgreSQL knows which
 * transaction wrote each row: one older than every transaction that ran at the last read was seen then;
 * of the others the follower remembers which it has seen.
 */
export class RowFollower {
  readonly #rows: FollowedRows;
  readonly #options: RowFollowerOptions;
  #position: Position;
  /** Versions of rows seen already that a read may find again, with when they were written. */
  #seen = new Map<string, number>();

  private constructor(rows: FollowedRows, options: RowFollowerOptions, position: Position) {
    this.#rows = rows;
    this.#options = options;
    this.#position = position;
  }

  /** Begins to follow: what is visible to `em` now is not found later. */
  static async begin(
    em: EntityManager,
    rows: FollowedRows,
    options: RowFollowerOptions,
  ): Promise<RowFollower> {
    const follower = new RowFollower(rows, options, await readPosition(em));
    await follower.read(em);
    return follower;
  }

  /**
   * The rows that are new, or changed, since the last read, in the order in which they were written.
   * @throws {FollowerLagged}
   */
  async read(em: EntityManager): Promise<FoundRow[]> {
    const { table, condition, parameters, writtenAt: column } = this.#rows;
    const { rowsMax, lateCommitMsMax } = this.#options;
    // Read first: what commits between the two statements is then found twice, not never.
    const next = await readPosition(em);
    const floorMs = this.#position.nowMs - lateCommitMsMax;
    const rows = await em.execute<{ id: string; xmin: string; written_at: Date }[]>(
      `select id, xmin::text as xmin, ${column} as written_at from ${table}
       where ${condition} and ${column} >= ? and age(xmin) <= age(?::text::xid)
       order by ${column}, id limit ?`,
      [...parameters, new Date(floorMs), this.#position.horizon, rowsMax + this.#seen.size + 1],
    );
    const found: FoundRow[] = [];
    for (const row of rows) {
      const version = `${row.id}/${row.xmin}`;
      if (this.#seen.has(version)) continue;
      const writtenAt = new Date(row.written_at);
      this.#seen.set(version, writtenAt.getTime());
      found.push({ id: row.id, writtenAt });
    }
    if (found.length > rowsMax) throw new FollowerLagged();
    this.#position = next;
    this.#forget(next.nowMs - lateCommitMsMax);
    return found;
  }

  /** Rows written before the floor are not read again. */
  #forget(floorMs: number): void {
    for (const [version, writtenAtMs] of this.#seen) {
      if (writtenAtMs < floorMs) this.#seen.delete(version);
    }
  }
}

async function readPosition(em: EntityManager): Promise<Position> {
  const [row] = await em.execute<{ horizon: string; now_ms: string }[]>(
    `select ((pg_snapshot_xmin(pg_current_snapshot())::text::numeric) % 4294967296)::text as horizon,
       floor(extract(epoch from clock_timestamp()) * 1000)::text as now_ms`,
  );
  if (row === undefined) throw new Error('The database did not say its snapshot.');
  return { horizon: row.horizon, nowMs: Number(row.now_ms) };
}
