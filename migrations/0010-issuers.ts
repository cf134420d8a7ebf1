import { Migration } from '@mikro-orm/migrations';
import { forceRowSecurity, organizationPolicy } from './row-security.ts';

const tables = `
-- An authorization server that an organization trusts: for access tokens at the proxy, for logging people
-- in, or both. The worker fetches its keys, so that nodes need no way out.
create table issuers (
  organization_id uuid not null references organizations (id) on delete cascade,
  id uuid not null,
  name text not null check (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
  issuer_url text not null check (issuer_url ~ '^https?://' and length(issuer_url) <= 2000),
  enabled boolean not null default true,
  -- Signature algorithms that count, whatever a token or a key says.
  algorithms text[] not null check (cardinality(algorithms) between 1 and 10),
  -- Access tokens at the proxy: off, or which of them.
  proxy_enabled boolean not null default true,
  -- required: a token does what its mcp: scopes say; role: it does what its role allows.
  scope_mode text not null default 'required' check (scope_mode in ('required', 'role')),
  -- Logging people in.
  login_enabled boolean not null default false,
  client_id text check (length(client_id) between 1 and 400),
  client_secret_ciphertext bytea,
  client_secret_wrapped_key bytea,
  client_secret_master_key_id text,
  redirect_urls text[] not null default '{}',
  login_scopes text[] not null default '{openid,email,profile}',
  -- Path of the claim, such as {groups} or {realm_access,roles}, whose values are mapped to roles; the first
  -- match counts.
  role_claim text[] not null default '{}' check (cardinality(role_claim) <= 5),
  role_mappings jsonb not null default '[]' check (jsonb_typeof(role_mappings) = 'array'),
  -- Who matches no mapping: this role, or (null) nobody gets in.
  default_role text check (default_role in ('admin', 'developer', 'auditor', 'agent')),
  -- What the worker fetched.
  jwks jsonb check (jsonb_typeof(jwks) = 'object'),
  jwks_url text check (length(jwks_url) <= 2000),
  -- Validators of the last answer, for a conditional request.
  jwks_etag text check (length(jwks_etag) <= 400),
  jwks_last_modified text check (length(jwks_last_modified) <= 100),
  -- Where the issuer logs people in, as far as a log-in needs to know.
  metadata jsonb check (jsonb_typeof(metadata) = 'object'),
  fetch_failures integer not null default 0 check (fetch_failures >= 0),
  fetched_at timestamptz(3),
  fetch_failed_at timestamptz(3),
  fetch_error text check (length(fetch_error) <= 400),
  next_fetch_at timestamptz(3) not null default now(),
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  version integer not null default 1,
  primary key (organization_id, id),
  unique (organization_id, name),
  unique (organization_id, issuer_url),
  check (num_nonnulls(client_secret_ciphertext, client_secret_wrapped_key,
    client_secret_master_key_id) in (0, 3)),
  check (not login_enabled or client_id is not null)
);
create index issuers_next_fetch on issuers (next_fetch_at) where enabled;

-- Whom an issuer's subject is here.
create table user_identities (
  organization_id uuid not null,
  issuer_id uuid not null,
  subject text not null check (length(subject) between 1 and 400),
  user_id uuid not null references users (id) on delete cascade,
  created_at timestamptz(3) not null default now(),
  last_login_at timestamptz(3) not null default now(),
  primary key (organization_id, issuer_id, subject),
  foreign key (organization_id, issuer_id) references issuers (organization_id, id) on delete cascade
);
create index user_identities_user on user_identities (user_id);

-- Set: the member came through this issuer, and each log-in gives the role that it says.
alter table memberships add column issuer_id uuid;
alter table memberships add constraint memberships_issuer
  foreign key (organization_id, issuer_id) references issuers (organization_id, id)
  on delete set null (issuer_id);

-- An organization ends the sessions that its issuers vouched for.
create policy organization on sessions to mcpgw_app_group
  using (organization_id = mcpgw_organization_id())
  with check (organization_id = mcpgw_organization_id());

-- Log-ins that went to an issuer and have not come back; the state that it carries is the row's key.
create table oidc_logins (
  state_hash bytea primary key check (octet_length(state_hash) = 32),
  organization_id uuid not null,
  issuer_id uuid not null,
  -- Binds the way back to whoever began.
  browser_hash bytea not null check (octet_length(browser_hash) = 32),
  -- PKCE verifier and nonce.
  sealed_ciphertext bytea not null,
  sealed_wrapped_key bytea not null,
  sealed_master_key_id text not null,
  redirect_url text not null check (length(redirect_url) <= 2000),
  created_at timestamptz(3) not null default now(),
  expires_at timestamptz(3) not null,
  foreign key (organization_id, issuer_id) references issuers (organization_id, id) on delete cascade
);
create index oidc_logins_expiry on oidc_logins (expires_at);

-- What ends before it expires by itself, told to nodes until it would have expired anyway.
create table revocations (
  organization_id uuid not null references organizations (id) on delete cascade,
  id uuid not null,
  -- What was written by one change has one: a person's end is told to any number of organizations.
  change_id uuid not null,
  -- Exactly one: every token of a subject that was issued before, one token, or one session's tokens.
  subject text check (length(subject) between 1 and 600),
  issued_before timestamptz(3),
  token_id text check (length(token_id) between 1 and 400),
  session_id uuid,
  reason text not null check (length(reason) between 1 and 200),
  created_at timestamptz(3) not null default now(),
  expires_at timestamptz(3) not null,
  primary key (organization_id, id),
  check (num_nonnulls(subject, token_id, session_id) = 1),
  check ((subject is null) = (issued_before is null))
);
create index revocations_change on revocations (change_id);
create index revocations_expiry on revocations (expires_at);

-- Calls are refused on a node that has heard nothing for longer; null: never.
alter table organizations add column stale_after_seconds integer
  check (stale_after_seconds between 1 and 2592000);
`;

/** Who ends people or sessions of theirs tells every organization that holds tokens of them. */
const revocationPolicies = `
create policy platform on revocations for insert to mcpgw_app_group with check (mcpgw_platform());
create policy own on revocations for insert to mcpgw_app_group
  with check (subject = 'user:' || mcpgw_user_id() or session_id in (
    select s.id from sessions s where s.user_id = mcpgw_user_id()));
`;

/** Issuers of tokens, log-in through them, and revocation. */
export class IssuersMigration extends Migration {
  override up(): void {
    this.addSql(tables);
    for (const table of ['issuers', 'user_identities', 'oidc_logins', 'revocations']) {
      for (const statement of forceRowSecurity(table)) this.addSql(statement);
      for (const statement of organizationPolicy(table)) this.addSql(statement);
      this.addSql(
        `grant select, insert, update, delete on ${table} to mcpgw_app_group, mcpgw_system_group`,
      );
    }
    this.addSql(revocationPolicies);
  }
}
