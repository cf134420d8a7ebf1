import { McpServer } from '@modelcontextprotocol/server';
import type { ChangeHub } from './change-hub.ts';
import { registerContentTools } from './content-tools.ts';
import { registerInputTools } from './input-tools.ts';
import { type RoundCodec, registerMultiRoundTools } from './multi-round-tools.ts';
import { registerPrompts } from './prompts.ts';
import { registerResources } from './resources.ts';
import { registerSchemaTools } from './schema-tools.ts';
import { registerStreamTools } from './stream-tools.ts';

/** A server with every fixture: one for each legacy session, and one for each modern request. */
export function newReferenceServer(hub: ChangeHub, codec: RoundCodec): McpServer {
  const server = new McpServer(
    { name: 'reference-upstream', version: '1.0.0' },
    {
      capabilities: {
        tools: { listChanged: true },
        resources: { subscribe: true, listChanged: true },
        prompts: { listChanged: true },
        logging: {},
        completions: {},
      },
      requestState: { verify: codec.verify },
      cacheHints: { 'tools/list': { ttlMs: 1000, cacheScope: 'public' } },
    },
  );
  registerContentTools(server);
  registerStreamTools(server, hub);
  registerSchemaTools(server);
  registerInputTools(server);
  registerMultiRoundTools(server, codec);
  registerResources(server);
  registerPrompts(server);
  return server;
}
