import { Migration } from '@mikro-orm/migrations';

/** People change their own account, but whether they are an operator, or locked out, the platform says. */
export class OperatorGuardMigration extends Migration {
  override up(): void {
    this.addSql(`
create function refuse_self_promotion() returns trigger language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'a person''s own transaction may not change platform_role or disabled_at'
    using errcode = '42501';
end
$$;
create trigger refuse_self_promotion before update on users for each row
  when (mcpgw_user_id() is not null
    and (new.platform_role is distinct from old.platform_role
      or new.disabled_at is distinct from old.disabled_at))
  execute function refuse_self_promotion();
`);
  }
}
