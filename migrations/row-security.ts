/**
 * Statements that every table shares: row-level security on, also for the table's owner, and everything
 * visible to the system role by a policy (it has no BYPASSRLS either). What the app role sees, each
 * migration says by itself. Migrations that have run depend on this text: add a function, don't change one.
 */
export function forceRowSecurity(table: string): string[] {
  return [
    `alter table ${table} enable row level security`,
    `alter table ${table} force row level security`,
    `create policy system on ${table} to mcpgw_system_group using (true) with check (true)`,
  ];
}

/** The app role reads and writes rows of the organization of its transaction, and no others. */
export function organizationPolicy(table: string): string[] {
  return [
    `create policy organization on ${table} to mcpgw_app_group
       using (organization_id = mcpgw_organization_id())
       with check (organization_id = mcpgw_organization_id())`,
  ];
}

/** The app role reads and writes every row in a transaction of the platform, and none in any other. */
export function platformPolicy(table: string): string[] {
  return [
    `create policy platform on ${table} to mcpgw_app_group
       using (mcpgw_platform()) with check (mcpgw_platform())`,
  ];
}
