import { Migration } from '@mikro-orm/migrations';
import { forceRowSecurity, organizationPolicy } from './row-security.ts';

const tables = `
create table mcp_servers (
  organization_id uuid not null references organizations (id) on delete cascade,
  id uuid not null,
  slug text not null check (slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
  name text not null check (length(name) between 1 and 200),
  description text not null default '' check (length(description) <= 4000),
  enabled boolean not null default true,
  transport text not null check (transport in ('streamable-http', 'http-sse')),
  era text check (era in ('legacy', 'modern', 'dual')),
  labels jsonb not null default '{}' check (jsonb_typeof(labels) = 'object'),
  documentation_url text check (length(documentation_url) <= 2000),
  connect_timeout_ms integer check (connect_timeout_ms > 0),
  request_timeout_ms integer check (request_timeout_ms > 0),
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  version integer not null default 1,
  primary key (organization_id, id),
  unique (organization_id, slug)
);

create table mcp_endpoints (
  organization_id uuid not null,
  id uuid not null,
  server_id uuid not null,
  url text not null check (url ~ '^https?://' and length(url) <= 2000),
  weight integer not null default 1 check (weight between 1 and 1000),
  created_at timestamptz(3) not null default now(),
  primary key (organization_id, id),
  unique (organization_id, server_id, url),
  foreign key (organization_id, server_id)
    references mcp_servers (organization_id, id) on delete cascade
);

-- What the gateway presents to an upstream, under envelope encryption: a data key of its own for each
-- secret, wrapped by the master key that master_key_id names.
create table upstream_secrets (
  organization_id uuid not null,
  id uuid not null,
  server_id uuid not null,
  header text not null check (header ~ '^[!#-''*+.0-9^-z|~-]{1,100}$'),
  ciphertext bytea not null,
  wrapped_key bytea not null,
  master_key_id text not null,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  primary key (organization_id, id),
  unique (organization_id, server_id),
  foreign key (organization_id, server_id)
    references mcp_servers (organization_id, id) on delete cascade
);
`;

/** MCP servers, their endpoints, and the credentials that the gateway presents to them. */
export class RegistryMigration extends Migration {
  override up(): void {
    this.addSql(tables);
    for (const table of ['mcp_servers', 'mcp_endpoints', 'upstream_secrets']) {
      for (const statement of forceRowSecurity(table)) this.addSql(statement);
      for (const statement of organizationPolicy(table)) this.addSql(statement);
      this.addSql(
        `grant select, insert, update, delete on ${table} to mcpgw_app_group, mcpgw_system_group`,
      );
    }
  }
}
