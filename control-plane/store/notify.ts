import type { EntityManager } from '@mikro-orm/postgresql';

/** NOTIFY channels; a notification is delivered with the commit, and only a hint: readers poll besides. */
export const channels = {
  /** Payload: the new revision. */
  config: 'mcpgw_config',
  /** Payload: ids of organizations with new records, by comma; empty: many. */
  requestLogs: 'mcpgw_request_logs',
  /** No payload: a node's state has changed. */
  nodes: 'mcpgw_nodes',
  /** Payload: the audit chain that has a new entry. */
  audit: 'mcpgw_audit',
} as const;

// PostgreSQL takes payloads below 8,000 bytes; an id and a comma are 37.
const organizationsMax = 200;

/** Says, once this transaction commits, that there are new request logs. */
export async function notifyRequestLogs(
  em: EntityManager,
  organizationIds: Iterable<string>,
): Promise<void> {
  const ids = [...new Set(organizationIds)];
  if (ids.length === 0) return;
  const payload = ids.length > organizationsMax ? '' : ids.join(',');
  await em.execute('select pg_notify(?, ?)', [channels.requestLogs, payload]);
}

/** Says, once this transaction commits, that what is known of nodes has changed. */
export async function notifyNodes(em: EntityManager): Promise<void> {
  await em.execute('select pg_notify(?, ?)', [channels.nodes, '']);
}
