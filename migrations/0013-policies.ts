import { Migration } from '@mikro-orm/migrations';
import { forceRowSecurity, organizationPolicy } from './row-security.ts';

const settings = `
alter table organizations
  -- What becomes of a call that no policy decides.
  add column policy_default text not null default 'allow'
    check (policy_default in ('allow', 'deny')),
  -- How a tools/call that a policy denies is answered.
  add column tool_refusal_form text not null default 'json_rpc_error'
    check (tool_refusal_form in ('http_status', 'json_rpc_error', 'tool_result')),
  -- What of a call's arguments stands in its record.
  add column argument_recording text not null default 'off'
    check (argument_recording in ('off', 'redacted', 'full')),
  add column argument_bytes_max integer not null default 16384
    check (argument_bytes_max between 256 and 65536),
  -- Request headers that conditions may read, in lower case.
  add column policy_headers text[] not null default '{}' check (cardinality(policy_headers) <= 20);
`;

const policies = `
create table policies (
  organization_id uuid not null references organizations (id) on delete cascade,
  id uuid not null,
  name text not null check (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
  description text not null default '' check (length(description) <= 4000),
  effect text not null check (effect in ('allow', 'deny')),
  mode text not null check (mode in ('enforce', 'shadow')),
  enabled boolean not null default true,
  -- Orders the organization's policies. Numbers have gaps, so that a move changes one row.
  position integer not null check (position >= 0),
  message text not null default '' check (length(message) <= 300),
  -- Patterns; an empty list restricts nothing.
  servers text[] not null default '{}' check (cardinality(servers) <= 200),
  methods text[] not null default '{}' check (cardinality(methods) <= 200),
  tools text[] not null default '{}' check (cardinality(tools) <= 200),
  resources text[] not null default '{}' check (cardinality(resources) <= 200),
  prompts text[] not null default '{}' check (cardinality(prompts) <= 200),
  roles text[] not null default '{}' check (cardinality(roles) <= 100),
  -- Stable subjects, such as user:<id>, service:<id> or an issuer's.
  subjects text[] not null default '{}' check (cardinality(subjects) <= 500),
  -- Public ids of API keys.
  api_keys text[] not null default '{}' check (cardinality(api_keys) <= 500),
  condition text not null default '' check (length(condition) <= 8192),
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  -- Counts every change of the row, a move included.
  version integer not null default 1,
  -- Counts the changes of what it says; decisions name it.
  revision integer not null default 1 check (revision >= 1),
  primary key (organization_id, id),
  unique (organization_id, name),
  unique (organization_id, position) deferrable initially deferred
);

-- What a policy said at each of its revisions, those that are deleted included.
create table policy_revisions (
  organization_id uuid not null references organizations (id) on delete cascade,
  policy_id uuid not null,
  revision integer not null check (revision >= 1),
  -- Everything that the policy says; of a deletion what it said last.
  definition jsonb not null check (jsonb_typeof(definition) = 'object'),
  change text not null check (change in ('created', 'updated', 'deleted')),
  actor text not null check (length(actor) <= 400),
  changed_at timestamptz(3) not null default now(),
  -- Revision of the configuration that it came with.
  config_revision bigint,
  primary key (organization_id, policy_id, revision)
);

-- Given this call, expect that: kept beside a policy and tried whenever any policy changes.
create table policy_expectations (
  organization_id uuid not null,
  id uuid not null,
  policy_id uuid not null,
  name text not null check (length(name) between 1 and 200),
  -- Who calls what with which arguments.
  call jsonb not null check (jsonb_typeof(call) = 'object' and octet_length(call::text) <= 65536),
  expected text not null check (expected in ('allow', 'deny')),
  -- The policy that has to decide; null: any, or the default.
  expected_policy_id uuid,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  version integer not null default 1,
  primary key (organization_id, id),
  unique (organization_id, policy_id, name),
  foreign key (organization_id, policy_id) references policies (organization_id, id) on delete cascade,
  foreign key (organization_id, expected_policy_id) references policies (organization_id, id)
    on delete set null (expected_policy_id)
);
`;

const definitions = `
-- What a server offered when it was last asked.
create table server_definitions (
  organization_id uuid not null,
  id uuid not null,
  server_id uuid not null,
  kind text not null check (kind in ('tool', 'resource', 'resource_template', 'prompt')),
  -- Name of a tool or prompt, URI or URI template of a resource.
  name text not null check (octet_length(name) between 1 and 2048),
  definition jsonb not null check (jsonb_typeof(definition) = 'object'),
  -- SHA-256 of the definition in canonical form (RFC 8785).
  hash bytea not null check (octet_length(hash) = 32),
  first_seen_at timestamptz(3) not null default now(),
  changed_at timestamptz(3) not null default now(),
  -- Since when the server no longer offers it; such a row stays as long as it is approved.
  gone_at timestamptz(3),
  primary key (organization_id, id),
  unique (organization_id, server_id, kind, name),
  foreign key (organization_id, server_id)
    references mcp_servers (organization_id, id) on delete cascade
);

-- Definitions of tools that an admin has approved: only from here do annotations count.
create table tool_pins (
  organization_id uuid not null,
  id uuid not null,
  server_id uuid not null,
  tool text not null check (octet_length(tool) between 1 and 2048),
  definition jsonb not null check (jsonb_typeof(definition) = 'object'),
  hash bytea not null check (octet_length(hash) = 32),
  approved_by text not null check (length(approved_by) <= 400),
  approved_at timestamptz(3) not null default now(),
  version integer not null default 1,
  primary key (organization_id, id),
  unique (organization_id, server_id, tool),
  foreign key (organization_id, server_id)
    references mcp_servers (organization_id, id) on delete cascade
);

-- When the worker asks a server next, and what came of it last.
alter table mcp_servers
  add column definitions_fetched_at timestamptz(3),
  add column definitions_failed_at timestamptz(3),
  add column definitions_error text check (length(definitions_error) <= 400),
  add column definitions_failures integer not null default 0 check (definitions_failures >= 0),
  -- A worker is asking; whoever wants it asked again meanwhile moves the next time to now.
  add column definitions_claimed_until timestamptz(3),
  add column next_definitions_fetch_at timestamptz(3) not null default now();
create index mcp_servers_next_definitions on mcp_servers (next_definitions_fetch_at) where enabled;
`;

const records = `
alter table request_logs
  add column policy_id uuid,
  add column policy_revision integer,
  -- [{policyId, revision, outcome}], what policies in shadow mode would have decided otherwise.
  add column shadow_decisions jsonb,
  add column principal_roles text[] not null default '{}',
  add column principal_scopes text[] not null default '{}',
  add column credential_kind text check (credential_kind in ('api_key', 'access_token')),
  add column client_name text not null default '',
  add column client_version text not null default '',
  add column headers jsonb,
  add column argument_state text not null default 'none'
    check (argument_state in ('none', 'off', 'redacted', 'full', 'too_large')),
  add column arguments json,
  add column policy_error text not null default '';
create index request_logs_shadow on request_logs (organization_id, received_at desc)
  where shadow_decisions is not null;
`;

/** Policies with their history and expectations, what servers offer, and what calls were decided by. */
export class PoliciesMigration extends Migration {
  override up(): void {
    this.addSql(settings);
    this.addSql(policies);
    this.addSql(definitions);
    const tables = [
      'policies',
      'policy_revisions',
      'policy_expectations',
      'server_definitions',
      'tool_pins',
    ];
    for (const table of tables) {
      for (const statement of forceRowSecurity(table)) this.addSql(statement);
      for (const statement of organizationPolicy(table)) this.addSql(statement);
      this.addSql(
        `grant select, insert, update, delete on ${table} to mcpgw_app_group, mcpgw_system_group`,
      );
    }
    this.addSql(records);
  }
}
