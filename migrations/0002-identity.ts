import { Migration } from '@mikro-orm/migrations';
import { forceRowSecurity, organizationPolicy, platformPolicy } from './row-security.ts';

const tables = `
create table organizations (
  id uuid primary key,
  slug text not null unique check (slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
  name text not null check (length(name) between 1 and 200),
  enabled boolean not null default true,
  must_audit boolean not null default false,
  allowed_origins text[] not null default '{}',
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  version integer not null default 1
);

create table users (
  id uuid primary key,
  email text not null unique check (email = lower(email) and length(email) between 3 and 320),
  display_name text not null check (length(display_name) <= 200),
  password_hash text,
  platform_role text check (platform_role in ('operator')),
  disabled_at timestamptz(3),
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  version integer not null default 1
);

create table memberships (
  organization_id uuid not null references organizations (id) on delete cascade,
  user_id uuid not null references users (id) on delete cascade,
  role text not null check (role in ('owner', 'admin', 'developer', 'auditor', 'agent')),
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  version integer not null default 1,
  primary key (organization_id, user_id)
);
create index memberships_user on memberships (user_id);

-- A key acts for a member or for a service. The member's keys hold the membership: whoever removes a
-- member says what becomes of the keys, so that nodes hear of each.
create table api_keys (
  organization_id uuid not null references organizations (id) on delete cascade,
  id uuid not null,
  key_id text not null unique check (key_id ~ '^[0-9A-Za-z]{12}$'),
  secret_hash bytea not null check (octet_length(secret_hash) = 32),
  label text not null check (length(label) between 1 and 200),
  subject_user_id uuid,
  subject_service_id uuid,
  roles text[] not null default '{}',
  scopes text[] not null default '{}',
  expires_at timestamptz(3),
  revoked_at timestamptz(3),
  last_used_at timestamptz(3),
  created_by uuid,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  version integer not null default 1,
  primary key (organization_id, id),
  check (num_nonnulls(subject_user_id, subject_service_id) = 1),
  foreign key (organization_id, subject_user_id) references memberships (organization_id, user_id)
);
create index api_keys_subject_user on api_keys (organization_id, subject_user_id);

-- Keys that sign access tokens: the public half as a JWK, the private one wrapped by the master key.
create table signing_keys (
  kid text primary key,
  public_jwk jsonb not null,
  wrapped_private_key bytea not null,
  created_at timestamptz(3) not null default now(),
  retired_at timestamptz(3)
);
`;

const appPolicies = `
create policy organization on organizations to mcpgw_app_group
  using (id = mcpgw_organization_id()) with check (id = mcpgw_organization_id());
create policy member on organizations for select to mcpgw_app_group
  using (exists (select from memberships m
    where m.organization_id = organizations.id and m.user_id = mcpgw_user_id()));

create policy own on users to mcpgw_app_group
  using (id = mcpgw_user_id()) with check (id = mcpgw_user_id());
create policy organization on users for select to mcpgw_app_group
  using (exists (select from memberships m
    where m.user_id = users.id and m.organization_id = mcpgw_organization_id()));

create policy own on memberships for select to mcpgw_app_group using (user_id = mcpgw_user_id());
`;

/** Organizations, people, and the credentials of agents. */
export class IdentityMigration extends Migration {
  override up(): void {
    this.addSql(tables);
    const names = ['organizations', 'users', 'memberships', 'api_keys', 'signing_keys'];
    for (const table of names) {
      for (const statement of forceRowSecurity(table)) this.addSql(statement);
      this.addSql(
        `grant select, insert, update, delete on ${table} to mcpgw_app_group, mcpgw_system_group`,
      );
    }
    for (const table of ['organizations', 'users', 'memberships', 'signing_keys']) {
      for (const statement of platformPolicy(table)) this.addSql(statement);
    }
    for (const table of ['memberships', 'api_keys']) {
      for (const statement of organizationPolicy(table)) this.addSql(statement);
    }
    this.addSql(appPolicies);
  }
}
