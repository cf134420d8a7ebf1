import { Migration } from '@mikro-orm/migrations';
import { forceRowSecurity, platformPolicy } from './row-security.ts';

const tables = `
create table node_groups (
  id uuid primary key,
  name text not null unique check (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
  serves_all_organizations boolean not null default false,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  version integer not null default 1
);
insert into node_groups (id, name, serves_all_organizations)
  values (gen_random_uuid(), 'default', true);

create table node_group_organizations (
  node_group_id uuid not null references node_groups (id) on delete cascade,
  organization_id uuid not null references organizations (id) on delete cascade,
  created_at timestamptz(3) not null default now(),
  primary key (node_group_id, organization_id)
);
create index node_group_organizations_organization on node_group_organizations (organization_id);

-- Keys that seal what clients carry for us, one ring for each group, wrapped by the master key.
create table seal_keys (
  node_group_id uuid not null references node_groups (id) on delete cascade,
  id text not null check (id ~ '^[0-9A-Za-z]{1,16}$'),
  wrapped_key bytea not null,
  is_primary boolean not null,
  created_at timestamptz(3) not null default now(),
  primary key (node_group_id, id)
);
create unique index seal_keys_primary on seal_keys (node_group_id) where is_primary;

create table node_tokens (
  id uuid primary key,
  token_id text not null unique check (token_id ~ '^[0-9A-Za-z]{12}$'),
  token_hash bytea not null check (octet_length(token_hash) = 32),
  node_group_id uuid not null references node_groups (id) on delete cascade,
  name text not null check (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
  expires_at timestamptz(3),
  revoked_at timestamptz(3),
  last_used_at timestamptz(3),
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  version integer not null default 1
);
create index node_tokens_group on node_tokens (node_group_id, name);

-- A node is what the tokens of one group and name speak for, so that it stays itself when a token rotates.
create table nodes (
  id uuid primary key,
  node_group_id uuid not null references node_groups (id) on delete cascade,
  name text not null,
  node_token_id uuid references node_tokens (id) on delete set null,
  instance_id text,
  build text,
  advertised_url text,
  connected boolean not null default false,
  replica text,
  connected_at timestamptz(3),
  disconnected_at timestamptz(3),
  last_seen_at timestamptz(3),
  received_revision bigint not null default 0,
  applied_revision bigint not null default 0,
  applied_at timestamptz(3),
  lag_ms bigint,
  last_nack jsonb,
  conditions jsonb not null default '[]' check (jsonb_typeof(conditions) = 'array'),
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  unique (node_group_id, name)
);

-- How a revision spread over the nodes of a group; counts are added to in batches.
create table revision_rollouts (
  revision bigint not null,
  node_group_id uuid not null references node_groups (id) on delete cascade,
  nodes_expected integer not null default 0,
  nodes_applied integer not null default 0,
  nodes_rejected integer not null default 0,
  first_applied_at timestamptz(3),
  last_applied_at timestamptz(3),
  updated_at timestamptz(3) not null default now(),
  primary key (revision, node_group_id)
);
`;

/** Node groups, their tokens and sealing keys, and what is known of each node. */
export class NodesMigration extends Migration {
  override up(): void {
    this.addSql(tables);
    const names = [
      'node_groups',
      'node_group_organizations',
      'seal_keys',
      'node_tokens',
      'nodes',
      'revision_rollouts',
    ];
    for (const table of names) {
      for (const statement of forceRowSecurity(table)) this.addSql(statement);
      for (const statement of platformPolicy(table)) this.addSql(statement);
      this.addSql(
        `grant select, insert, update, delete on ${table} to mcpgw_app_group, mcpgw_system_group`,
      );
    }
  }
}
