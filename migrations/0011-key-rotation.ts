import { Migration } from '@mikro-orm/migrations';

/**
 * master_key_id: which master key wrapped a key, as upstream_secrets says already. Null where a replica
 * wrote it that does not know the column yet: such a key is tried with every known master key, and named
 * at the next rotation.
 *
 * A key is published, then in use, then retired. published_revision: nodes that have it know the key.
 * The defaults are for rows that are there, and for replicas that know no phases: their keys are in use.
 */
const columns = `
alter table seal_keys
  add column master_key_id text,
  add column published_revision bigint,
  add column primary_since timestamptz(3) default now(),
  add column retired_at timestamptz(3);
alter table signing_keys
  add column master_key_id text,
  add column published_revision bigint,
  add column activated_at timestamptz(3) default now();
`;

/** Keys that are replaced while they are in use. */
export class KeyRotationMigration extends Migration {
  override up(): void {
    this.addSql(columns);
  }
}
