import { Migration } from '@mikro-orm/migrations';
import { forceRowSecurity } from './row-security.ts';

const requestLogs = `
create table request_logs (
  id uuid not null,
  organization_id uuid not null,
  received_at timestamptz(3) not null default now(),
  node_id uuid not null,
  call_id uuid not null,
  phase text not null check (phase in ('complete', 'start', 'end')),
  started_at timestamptz(3) not null,
  subject text not null default '',
  credential_id text not null default '',
  server_id uuid,
  endpoint_id uuid,
  era text check (era in ('legacy', 'modern')),
  method text not null default '',
  target text not null default '',
  decision text not null check (decision in ('allowed', 'refused', 'failed')),
  reason text not null default '',
  http_status integer not null default 0,
  rpc_error_code integer not null default 0,
  upstream_duration_us bigint not null default 0,
  total_duration_us bigint not null default 0,
  request_bytes bigint not null default 0,
  response_bytes bigint not null default 0,
  trace_id text not null default '',
  client_address text not null default '',
  config_revision bigint not null default 0,
  outcome text not null default '',
  primary key (received_at, id)
) partition by range (received_at);
create index request_logs_page on request_logs (organization_id, received_at desc, id desc);
create index request_logs_call on request_logs (organization_id, call_id);
create table request_logs_default partition of request_logs default;
`;

/**
 * Partitions are reached through their parent only: nobody but the owner has a grant on them. The owner's
 * own policy lets ensure_request_log_partitions() move rows out of the default partition when the owner
 * is no superuser.
 */
const defaultPartitionSecurity = `
alter table request_logs_default enable row level security;
alter table request_logs_default force row level security;
create policy maintenance on request_logs_default to current_user using (true) with check (true);
`;

/**
 * A day without a partition goes to the default one, so that an insert never fails for want of a
 * partition; rows that stand there already are moved when their day's partition is made. Days are UTC.
 */
const partitionFunction = `
create function ensure_request_log_partitions(from_day date, days integer) returns integer
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  day date;
  part text;
  day_start timestamptz;
  day_end timestamptz;
  created integer := 0;
begin
  if days not between 1 and 100 then
    raise exception 'days must be between 1 and 100' using errcode = '22023';
  end if;
  perform pg_advisory_xact_lock(hashtext('mcpgw.request_log_partitions'));
  for day in select from_day + n from generate_series(0, days - 1) n loop
    part := 'request_logs_' || to_char(day, 'YYYYMMDD');
    continue when to_regclass('public.' || part) is not null;
    day_start := day::timestamp at time zone 'UTC';
    day_end := (day + 1)::timestamp at time zone 'UTC';
    -- Writers wait while rows of the day leave the default partition; readers do not.
    lock table public.request_logs in share row exclusive mode;
    execute format('create table public.%I
      (like public.request_logs including defaults including constraints)', part);
    execute format('with moved as (
        delete from public.request_logs_default
        where received_at >= %L and received_at < %L returning *)
      insert into public.%I select * from moved', day_start, day_end, part);
    execute format('alter table public.%I enable row level security', part);
    execute format('alter table public.%I force row level security', part);
    execute format('alter table public.request_logs attach partition public.%I
      for values from (%L) to (%L)', part, day_start, day_end);
    created := created + 1;
  end loop;
  return created;
end
$$;
revoke all on function ensure_request_log_partitions(date, integer) from public;
grant execute on function ensure_request_log_partitions(date, integer) to mcpgw_system_group;
`;

const tables = `
-- Refusals of callers that were never identified, counted by reason and address block.
create table request_refusals (
  id uuid primary key,
  organization_id uuid,
  received_at timestamptz(3) not null default now(),
  node_id uuid not null,
  window_start timestamptz(3) not null,
  window_end timestamptz(3) not null,
  reason text not null,
  address_block text not null,
  count bigint not null check (count > 0)
);
create index request_refusals_page on request_refusals (organization_id, received_at desc, id desc);

-- Up to which event of a spool everything is written or kept as rejected.
create table event_watermarks (
  node_id uuid not null,
  spool_id uuid not null,
  sequence bigint not null check (sequence >= 0),
  updated_at timestamptz(3) not null default now(),
  primary key (node_id, spool_id)
);

create table event_rejects (
  node_id uuid not null,
  spool_id uuid not null,
  sequence bigint not null,
  payload bytea not null,
  error text not null,
  received_at timestamptz(3) not null default now(),
  primary key (node_id, spool_id, sequence)
);

-- Events that a node's spool could not hold.
create table event_gaps (
  node_id uuid not null,
  spool_id uuid not null,
  sequence bigint not null,
  at timestamptz(3) not null,
  dropped_count bigint not null,
  cause text not null,
  received_at timestamptz(3) not null default now(),
  primary key (node_id, spool_id, sequence)
);
`;

const appPolicies = `
create policy organization on request_logs for select to mcpgw_app_group
  using (organization_id = mcpgw_organization_id());
create policy organization on request_refusals for select to mcpgw_app_group
  using (organization_id = mcpgw_organization_id() or mcpgw_platform());
create policy platform on event_rejects for select to mcpgw_app_group using (mcpgw_platform());
create policy platform on event_gaps for select to mcpgw_app_group using (mcpgw_platform());
`;

/** Records of calls, and how far each node's spool is written. */
export class RecordsMigration extends Migration {
  override up(): void {
    this.addSql(requestLogs);
    this.addSql(defaultPartitionSecurity);
    this.addSql(partitionFunction);
    this.addSql(tables);
    const names = [
      'request_logs',
      'request_refusals',
      'event_watermarks',
      'event_rejects',
      'event_gaps',
    ];
    for (const table of names) {
      for (const statement of forceRowSecurity(table)) this.addSql(statement);
      this.addSql(`grant select, insert on ${table} to mcpgw_system_group`);
    }
    this.addSql('grant update, delete on event_watermarks to mcpgw_system_group');
    this.addSql(
      'grant select on request_logs, request_refusals, event_rejects, event_gaps to mcpgw_app_group',
    );
    this.addSql(appPolicies);
  }
}
