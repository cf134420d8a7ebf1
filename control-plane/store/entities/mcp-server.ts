import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

export const mcpTransports = ['streamable-http', 'http-sse'] as const;
export type McpTransport = (typeof mcpTransports)[number];

export const mcpEras = ['legacy', 'modern', 'dual'] as const;
export type McpEra = (typeof mcpEras)[number];

/** An MCP server that agents reach under `/{organization slug}/{server slug}/mcp`. */
export const McpServer = defineEntity({
  name: 'McpServer',
  tableName: 'mcp_servers',
  properties: {
    organizationId: p.uuid().primary(),
    id: p.uuid().primary(),
    slug: p.text(),
    name: p.text(),
    description: p.text().default(''),
    enabled: p.boolean().default(true),
    transport: p.text().$type<McpTransport>(),
    /** Null: each node detects it. */
    era: p.text().$type<McpEra>().strictNullable(),
    labels: p.json<Readonly<Record<string, string>>>().onCreate(() => ({})),
    documentationUrl: p.text().strictNullable(),
    /** Null: the node's own setting. */
    connectTimeoutMs: p.integer().strictNullable(),
    /** Null: the node's own setting. */
    requestTimeoutMs: p.integer().strictNullable(),
    /** When the worker learned last what the server offers; written, as what follows, by the worker alone. */
    definitionsFetchedAt: p.datetime(3).nullable(),
    /** Set while the last look at it failed. */
    definitionsFailedAt: p.datetime(3).nullable(),
    /** What went wrong, or what was left out. */
    definitionsError: p.text().nullable(),
    definitionsFailures: p.integer().default(0),
    nextDefinitionsFetchAt: p.datetime(3).onCreate(() => new Date()),
    createdAt: p.datetime(3).onCreate(() => new Date()),
    updatedAt: p
      .datetime(3)
      .onCreate(() => new Date())
      .onUpdate(() => new Date()),
    version: p.integer().version(),
  },
});
export type McpServer = InferEntity<typeof McpServer>;
