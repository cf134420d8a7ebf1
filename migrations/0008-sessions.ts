import { Migration } from '@mikro-orm/migrations';
import { forceRowSecurity, platformPolicy } from './row-security.ts';

const tables = `
-- A session is a family of refresh tokens that followed each other. One that an organization's issuer
-- vouched for is good in that organization alone: its admins decide what the issuer says.
create table sessions (
  id uuid primary key,
  user_id uuid not null references users (id) on delete cascade,
  organization_id uuid references organizations (id) on delete cascade,
  issuer_id uuid,
  client_address text not null check (length(client_address) <= 64),
  user_agent text not null default '' check (length(user_agent) <= 400),
  created_at timestamptz(3) not null default now(),
  last_used_at timestamptz(3) not null default now(),
  expires_at timestamptz(3) not null,
  refresh_count integer not null default 0,
  ended_at timestamptz(3),
  end_reason text check (length(end_reason) <= 40),
  check (num_nonnulls(organization_id, issuer_id) <> 1)
);
create index sessions_user on sessions (user_id, created_at desc);
create index sessions_expiry on sessions (expires_at);

-- Used tokens stay until their session ends: presenting one again gives a thief away.
create table refresh_tokens (
  token_id text primary key check (token_id ~ '^[0-9A-Za-z]{12}$'),
  token_hash bytea not null check (octet_length(token_hash) = 32),
  session_id uuid not null references sessions (id) on delete cascade,
  issued_at timestamptz(3) not null default now(),
  expires_at timestamptz(3) not null,
  used_at timestamptz(3)
);
create index refresh_tokens_session on refresh_tokens (session_id);

-- Organizations whose proxy a session holds access tokens for, so that its end can be told to their nodes.
-- Whose session it is stands here too: an organization that ends a membership can't read sessions.
create table session_proxy_tokens (
  session_id uuid not null references sessions (id) on delete cascade,
  user_id uuid not null references users (id) on delete cascade,
  organization_id uuid not null references organizations (id) on delete cascade,
  expires_at timestamptz(3) not null,
  primary key (session_id, organization_id)
);
create index session_proxy_tokens_user on session_proxy_tokens (user_id);

-- An invitation's account is made when it is accepted: until then it is an address and a role. Who is
-- invited is nobody's member yet, and the organization may not learn whether there is such an account.
create table one_time_tokens (
  id uuid primary key,
  token_id text not null unique check (token_id ~ '^[0-9A-Za-z]{12}$'),
  token_hash bytea not null check (octet_length(token_hash) = 32),
  purpose text not null check (purpose in ('invitation', 'password_reset')),
  user_id uuid references users (id) on delete cascade,
  organization_id uuid references organizations (id) on delete cascade,
  email text check (email = lower(email) and length(email) between 3 and 320),
  role text check (role in ('owner', 'admin', 'developer', 'auditor', 'agent')),
  custom_role_id uuid,
  created_by text not null,
  created_at timestamptz(3) not null default now(),
  expires_at timestamptz(3) not null,
  used_at timestamptz(3),
  revoked_at timestamptz(3),
  check (case purpose
    when 'invitation' then num_nulls(organization_id, email) = 0 and user_id is null
      and num_nonnulls(role, custom_role_id) = 1
    else user_id is not null and num_nonnulls(email, role, custom_role_id) = 0 end)
);
create index one_time_tokens_organization on one_time_tokens (organization_id, id);
create index one_time_tokens_expiry on one_time_tokens (expires_at);
create index one_time_tokens_user on one_time_tokens (user_id);

-- Failed log-ins by account and by address, shared by all replicas. The key is a keyed hash: the table
-- lists nobody's address.
create table login_throttles (
  key bytea primary key check (octet_length(key) = 32),
  failures integer not null check (failures > 0),
  window_ends_at timestamptz(3) not null,
  blocked_until timestamptz(3)
);
create index login_throttles_end on login_throttles (window_ends_at);
`;

const appPolicies = `
create policy own on sessions to mcpgw_app_group
  using (user_id = mcpgw_user_id()) with check (user_id = mcpgw_user_id());
create policy own on session_proxy_tokens to mcpgw_app_group
  using (user_id = mcpgw_user_id()) with check (user_id = mcpgw_user_id());
create policy organization on one_time_tokens to mcpgw_app_group
  using (purpose = 'invitation' and organization_id = mcpgw_organization_id())
  with check (purpose = 'invitation' and organization_id = mcpgw_organization_id());
create policy organization on session_proxy_tokens for select to mcpgw_app_group
  using (organization_id = mcpgw_organization_id());
`;

/** Sessions of people, one-time tokens and the memory of failed log-ins. */
export class SessionsMigration extends Migration {
  override up(): void {
    this.addSql(tables);
    const names = [
      'sessions',
      'refresh_tokens',
      'session_proxy_tokens',
      'one_time_tokens',
      'login_throttles',
    ];
    for (const table of names) {
      for (const statement of forceRowSecurity(table)) this.addSql(statement);
      this.addSql(
        `grant select, insert, update, delete on ${table} to mcpgw_app_group, mcpgw_system_group`,
      );
    }
    // Refresh tokens, one-time tokens and throttles are looked up before anybody is known: the system
    // role alone reads them, but for one-time tokens, which organizations and operators take back.
    for (const statement of platformPolicy('sessions')) this.addSql(statement);
    for (const statement of platformPolicy('session_proxy_tokens')) this.addSql(statement);
    // Who gives an account another password takes back the tokens for yet another one.
    for (const statement of platformPolicy('one_time_tokens')) this.addSql(statement);
    this.addSql(appPolicies);
  }
}
