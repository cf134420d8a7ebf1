import { Client, escapeIdentifier, escapeLiteral } from 'pg';
import {
  clientConfig,
  type DatabaseConnection,
} from '../../control-plane/store/database-connection.ts';

/** A copy of a database as it was at one moment, as a dump would be. */
export class DatabaseCopy {
  readonly #owner: DatabaseConnection;
  readonly #name: string;

  private constructor(owner: DatabaseConnection) {
    this.#owner = owner;
    this.#name = `${owner.database}_copy`;
  }

  /** Copies it; whoever is connected is cut off and may come back at once. */
  static async take(owner: DatabaseConnection): Promise<DatabaseCopy> {
    const copy = new DatabaseCopy(owner);
    const source = escapeIdentifier(owner.database);
    await copy.#onServer([
      ...cutOff(owner.database),
      `create database ${escapeIdentifier(copy.#name)} template ${source}`,
      `alter database ${source} allow_connections true`,
    ]);
    return copy;
  }

  /** Puts the copy in the place of the database, under whoever uses it. */
  async restore(): Promise<void> {
    const { database } = this.#owner;
    await this.#onServer([
      ...cutOff(database),
      `drop database ${escapeIdentifier(database)} with (force)`,
      `alter database ${escapeIdentifier(this.#name)} rename to ${escapeIdentifier(database)}`,
    ]);
  }

  async drop(): Promise<void> {
    await this.#onServer([`drop database if exists ${escapeIdentifier(this.#name)} with (force)`]);
  }

  async #onServer(statements: readonly string[]): Promise<void> {
    const client = new Client(clientConfig({ ...this.#owner, database: 'postgres' }, 'mcpgw-test'));
    await client.connect();
    try {
      for (const statement of statements) await client.query(statement);
    } finally {
      await client.end();
    }
  }
}

function cutOff(database: string): string[] {
  return [
    `alter database ${escapeIdentifier(database)} allow_connections false`,
    `select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = ${escapeLiteral(database)}`,
  ];
}
