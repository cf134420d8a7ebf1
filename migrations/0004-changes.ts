import { Migration } from '@mikro-orm/migrations';
import { forceRowSecurity } from './row-security.ts';

/** No organization has it: the chain of what belongs to the platform. */
const platformChain = '00000000-0000-0000-0000-000000000000';

const tables = `
create table config_changes (
  revision bigint primary key check (revision > 0),
  organization_id uuid,
  entries jsonb not null check (jsonb_typeof(entries) = 'array'),
  audit_chain_id uuid not null,
  audit_sequence bigint not null,
  committed_at timestamptz(3) not null
);
create index config_changes_organization on config_changes (organization_id, revision);

-- Head of each hash chain. No foreign key to organizations here or below: a record outlives its subject.
create table audit_chains (
  chain_id uuid primary key,
  organization_id uuid,
  sequence bigint not null check (sequence > 0),
  hash bytea not null check (octet_length(hash) = 32),
  check (chain_id = coalesce(organization_id, '${platformChain}'))
);

-- What may be erased later stands beside a salted commitment; the hash covers the commitment only.
create table audit_logs (
  chain_id uuid not null,
  sequence bigint not null check (sequence > 0),
  id uuid not null unique,
  organization_id uuid,
  revision bigint,
  at timestamptz(3) not null,
  action text not null,
  actor_kind text not null check (actor_kind in ('user', 'service', 'system')),
  actor_id text not null,
  actor_label text,
  actor_label_salt bytea,
  actor_label_commitment bytea not null,
  target_type text not null,
  target_id text not null,
  target_label text,
  target_label_salt bytea,
  target_label_commitment bytea not null,
  details jsonb not null check (jsonb_typeof(details) = 'object'),
  private_details jsonb check (jsonb_typeof(private_details) = 'object'),
  private_details_salt bytea,
  private_details_commitment bytea not null,
  previous_hash bytea not null check (octet_length(previous_hash) = 32),
  hash bytea not null check (octet_length(hash) = 32),
  primary key (chain_id, sequence),
  check (chain_id = coalesce(organization_id, '${platformChain}'))
);
create index audit_logs_at on audit_logs (chain_id, at desc, id desc);
`;

/**
 * An organization sees its own; a transaction of the platform sees all. A transaction of a user may add
 * to the platform's chain (somebody changes their own password) but not read it.
 */
const appPolicies = `
create policy organization on config_changes to mcpgw_app_group
  using (organization_id = mcpgw_organization_id() or mcpgw_platform())
  with check (organization_id = mcpgw_organization_id() or mcpgw_platform()
    or (organization_id is null and mcpgw_user_id() is not null));

create policy organization on audit_chains to mcpgw_app_group
  using (organization_id = mcpgw_organization_id() or mcpgw_platform()
    or (organization_id is null and mcpgw_user_id() is not null))
  with check (organization_id = mcpgw_organization_id() or mcpgw_platform()
    or (organization_id is null and mcpgw_user_id() is not null));

create policy organization on audit_logs to mcpgw_app_group
  using (organization_id = mcpgw_organization_id() or mcpgw_platform())
  with check (organization_id = mcpgw_organization_id() or mcpgw_platform()
    or (organization_id is null and mcpgw_user_id() is not null));
`;

/** The feed of changes and the audit trail: rows that are added, and never changed or removed. */
export class ChangesMigration extends Migration {
  override up(): void {
    this.addSql(tables);
    for (const table of ['config_changes', 'audit_chains', 'audit_logs']) {
      for (const statement of forceRowSecurity(table)) this.addSql(statement);
    }
    this.addSql(
      'grant select, insert on config_changes, audit_logs to mcpgw_app_group, mcpgw_system_group',
    );
    this.addSql('grant select, insert on audit_chains to mcpgw_app_group, mcpgw_system_group');
    this.addSql(
      'grant update (sequence, hash) on audit_chains to mcpgw_app_group, mcpgw_system_group',
    );
    this.addSql(appPolicies);
  }
}
