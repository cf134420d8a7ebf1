import { Migration } from '@mikro-orm/migrations';

/**
 * credential_id: the session or API key that the actor used, out of the details, which the hash covers. A
 * column of its own, because row-level security lets no index on an expression over jsonb be used: its
 * operators are not leakproof. Adding it writes the table anew.
 *
 * Each index ends in the sequence: a page comes out of it in the trail's order, without a sort.
 */
const auditFilters = `
alter table audit_logs add column credential_id text
  generated always as (details -> 'credential' ->> 'id') stored;
create index audit_logs_action on audit_logs (chain_id, action, sequence);
create index audit_logs_actor on audit_logs (chain_id, actor_id, sequence);
create index audit_logs_target on audit_logs (chain_id, target_id, sequence);
create index audit_logs_credential on audit_logs (chain_id, credential_id, sequence);
`;

/** Which log-ins of an issuer began last; also for the issuer's deletion, which takes them along. */
const oidcLogins = `
create index oidc_logins_issuer on oidc_logins (organization_id, issuer_id, created_at desc);
`;

/** Finding audit entries by what they are about, and log-ins that are on their way. */
export class AuditFiltersMigration extends Migration {
  override up(): void {
    this.addSql(auditFilters);
    this.addSql(oidcLogins);
  }
}
