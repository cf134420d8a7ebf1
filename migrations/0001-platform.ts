import { Migration } from '@mikro-orm/migrations';
import { forceRowSecurity } from './row-security.ts';

/**
 * What a transaction may see follows from three settings that the store sets locally in it:
 * `mcpgw.organization_id`, `mcpgw.user_id` and `mcpgw.platform`. Unset reads as null, and null matches nothing.
 */
const contextFunctions = `
create function mcpgw_organization_id() returns uuid language sql stable parallel safe
  as $$ select nullif(current_setting('mcpgw.organization_id', true), '')::uuid $$;
create function mcpgw_user_id() returns uuid language sql stable parallel safe
  as $$ select nullif(current_setting('mcpgw.user_id', true), '')::uuid $$;
create function mcpgw_platform() returns boolean language sql stable parallel safe
  as $$ select coalesce(current_setting('mcpgw.platform', true), '') = 'on' $$;
`;

/**
 * Names this database's history. A dump restored elsewhere has another system identifier or database oid,
 * a point-in-time recovery another timeline; the stored part lets an operator force a change. SECURITY
 * DEFINER, because some installations keep pg_control_system() from ordinary roles.
 */
const epochFunction = `
create function mcpgw_database_epoch() returns text language sql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$
    select encode(substr(sha256(convert_to(concat_ws('/',
      (select epoch from public.platform_state),
      (select system_identifier from pg_control_system()),
      case when pg_is_in_recovery()
        then lpad(to_hex((select timeline_id from pg_control_checkpoint())), 8, '0')
        else lower(substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)) end,
      (select oid from pg_database where datname = current_database())
    ), 'UTF8')), 1, 16), 'hex')
  $$;
revoke all on function mcpgw_database_epoch() from public;
grant execute on function mcpgw_database_epoch() to mcpgw_app_group, mcpgw_system_group;
`;

/** The platform's single row, and what row-level security is built from. */
export class PlatformMigration extends Migration {
  override up(): void {
    this.addSql('revoke create on schema public from public');
    this.addSql('grant usage on schema public to mcpgw_app_group, mcpgw_system_group');
    this.addSql(contextFunctions);
    this.addSql(`
      create table platform_state (
        id boolean primary key default true check (id),
        epoch uuid not null default gen_random_uuid(),
        revision bigint not null default 0 check (revision >= 0),
        created_at timestamptz(3) not null default now()
      )`);
    this.addSql('insert into platform_state default values');
    for (const statement of forceRowSecurity('platform_state')) this.addSql(statement);
    // Nothing in it is anybody's, and every change moves the revision; grants say who may do what.
    this.addSql('create policy everyone on platform_state using (true) with check (true)');
    this.addSql(
      'grant select, update (revision) on platform_state to mcpgw_app_group, mcpgw_system_group',
    );
    this.addSql(epochFunction);
  }
}
