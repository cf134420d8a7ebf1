import { Migration } from '@mikro-orm/migrations';
import { forceRowSecurity, organizationPolicy } from './row-security.ts';

const tables = `
create table custom_roles (
  organization_id uuid not null references organizations (id) on delete cascade,
  id uuid not null,
  name text not null check (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'
    and name not in ('owner', 'admin', 'developer', 'auditor', 'agent')),
  description text not null default '' check (length(description) <= 1000),
  permissions text[] not null check (cardinality(permissions) between 1 and 100),
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  version integer not null default 1,
  primary key (organization_id, id),
  unique (organization_id, name)
);

-- Somebody has a built-in role or a custom one.
alter table memberships alter column role drop not null;
alter table memberships add column custom_role_id uuid;
alter table memberships add constraint memberships_one_role
  check (num_nonnulls(role, custom_role_id) = 1);
alter table memberships add constraint memberships_custom_role
  foreign key (organization_id, custom_role_id) references custom_roles (organization_id, id);
create index memberships_custom_role on memberships (organization_id, custom_role_id)
  where custom_role_id is not null;

create table service_accounts (
  organization_id uuid not null references organizations (id) on delete cascade,
  id uuid not null,
  name text not null check (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
  description text not null default '' check (length(description) <= 1000),
  role text check (role in ('owner', 'admin', 'developer', 'auditor', 'agent')),
  custom_role_id uuid,
  disabled_at timestamptz(3),
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  version integer not null default 1,
  primary key (organization_id, id),
  unique (organization_id, name),
  constraint service_accounts_one_role check (num_nonnulls(role, custom_role_id) = 1),
  constraint service_accounts_custom_role
    foreign key (organization_id, custom_role_id) references custom_roles (organization_id, id)
);
create index service_accounts_custom_role on service_accounts (organization_id, custom_role_id)
  where custom_role_id is not null;
`;

/** Services were ids on keys; each becomes an account that is named, disabled and given a role by itself. */
const keys = `
insert into service_accounts (organization_id, id, name, role)
  select k.organization_id, k.subject_service_id, 'service-' || k.subject_service_id,
    coalesce((array_agg(r.role order by array_position(
      array['owner', 'admin', 'developer', 'auditor', 'agent'], r.role)))[1], 'agent')
  from api_keys k left join lateral unnest(k.roles) as r(role) on true
  where k.subject_service_id is not null
  group by k.organization_id, k.subject_service_id;
alter table api_keys rename column subject_service_id to service_account_id;
alter table api_keys add constraint api_keys_service_account
  foreign key (organization_id, service_account_id)
  references service_accounts (organization_id, id);
alter table api_keys drop column roles;
create index api_keys_service_account on api_keys (organization_id, service_account_id);

-- A key without scopes may do nothing; those made before scopes meant something may call every server.
update api_keys set scopes = '{mcp:*}' where scopes = '{}';

-- The key that takes this one's place; this one ends when the overlap does.
alter table api_keys add column replaced_by uuid;
alter table api_keys add constraint api_keys_replacement
  foreign key (organization_id, replaced_by) references api_keys (organization_id, id)
  on delete set null (replaced_by);
create index api_keys_replacement on api_keys (organization_id, replaced_by)
  where replaced_by is not null;
`;

/** Service accounts, custom roles, and keys that say what they may be used for. */
export class AutomationMigration extends Migration {
  override up(): void {
    this.addSql(tables);
    for (const table of ['custom_roles', 'service_accounts']) {
      this.addSql(
        `grant select, insert, update, delete on ${table} to mcpgw_app_group, mcpgw_system_group`,
      );
    }
    // Row-level security binds the owner too, who migrates: without this, no key would be found.
    this.addSql('alter table api_keys no force row level security');
    this.addSql(keys);
    this.addSql('alter table api_keys force row level security');
    for (const table of ['custom_roles', 'service_accounts']) {
      for (const statement of forceRowSecurity(table)) this.addSql(statement);
      for (const statement of organizationPolicy(table)) this.addSql(statement);
    }
    // A person's own transaction reads what their roles allow.
    this.addSql(`
      create policy member on custom_roles for select to mcpgw_app_group
        using (exists (select from memberships m
          where m.organization_id = custom_roles.organization_id
            and m.custom_role_id = custom_roles.id and m.user_id = mcpgw_user_id()))`);
  }
}
