import type { ConfigModel } from '../snapshot/config-model.ts';

/** What streams read: the compiled state that this replica stands at, and how fresh it is. */
export interface ConfigSource {
  /**
   * Undefined until the first build. Another object than before means that the database is another one,
   * or went back: nothing that was told from the old one can be built upon.
   */
  readonly model: ConfigModel | undefined;
  /** When the database was last read successfully, in milliseconds since the Unix epoch. */
  readonly readAtMs: number;
  /** Reads what has been committed until now. Rejects when the database can't be read. */
  refresh(): Promise<void>;
}
