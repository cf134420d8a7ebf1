import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

/** One address of an MCP server. */
export const McpEndpoint = defineEntity({
  name: 'McpEndpoint',
  tableName: 'mcp_endpoints',
  properties: {
    organizationId: p.uuid().primary(),
    id: p.uuid().primary(),
    serverId: p.uuid(),
    /** Absolute http or https URL. */
    url: p.text(),
    /** Relative share of calls, 1 to 1,000. */
    weight: p.integer().default(1),
    createdAt: p.datetime(3).onCreate(() => new Date()),
  },
});
export type McpEndpoint = InferEntity<typeof McpEndpoint>;
