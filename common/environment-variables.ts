/**
 * Every `MCPGW_*` variable that some process reads. A plane knows its own settings only; this list lets
 * each refuse a misspelt name without refusing the other's. A test compares it with both planes' schemas.
 */
export const environmentVariables: ReadonlySet<string> = new Set([
  'MCPGW_ENV',
  'MCPGW_DATA_DIR',
  'MCPGW_DATABASE_URL',
  'MCPGW_DATABASE_APP_URL',
  'MCPGW_DATABASE_SYSTEM_URL',
  'MCPGW_GRAPHQL_PORT',
  'MCPGW_GRPC_PORT',
  'MCPGW_MASTER_KEY_FILE',
  'MCPGW_NODE_ADMIN_PORT',
  'MCPGW_PROXY_PORT',
  'MCPGW_PUBLIC_URL',
  'MCPGW_REDIS_URL',
]);
