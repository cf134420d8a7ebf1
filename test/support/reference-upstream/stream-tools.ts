import { setTimeout as pause } from 'node:timers/promises';
import { fromJsonSchema, type McpServer } from '@modelcontextprotocol/server';
import type { ChangeHub } from './change-hub.ts';
import { watchedUri } from './resources.ts';

/** Simulated work between two messages: a client must get the first while the call still runs. */
const stepMs = 50;

/** Tools that send messages while they work, end their stream early, or work until they are cancelled. */
export function registerStreamTools(server: McpServer, hub: ChangeHub): void {
  server.registerTool(
    'test_tool_with_logging',
    { description: 'Sends three log messages while it works.' },
    async ({ mcpReq }) => {
      await mcpReq.log('info', 'Tool execution started');
      await pause(stepMs);
      await mcpReq.log('info', 'Tool processing data');
      await pause(stepMs);
      await mcpReq.log('info', 'Tool execution completed');
      return { content: [{ type: 'text', text: 'Tool with logging executed successfully' }] };
    },
  );
  server.registerTool(
    'test_logging_tool',
    { description: 'Logs; silent unless the client asked for logs.' },
    async ({ mcpReq }) => {
      await mcpReq.log('info', 'test_logging_tool ran');
      return { content: [{ type: 'text', text: 'Logging tool executed.' }] };
    },
  );
  server.registerTool(
    'test_tool_with_progress',
    { description: 'Reports progress three times while it works.' },
    async ({ mcpReq }) => {
      const progressToken = mcpReq._meta?.progressToken;
      for (const progress of [0, 50, 100]) {
        if (progress > 0) await pause(stepMs);
        if (progressToken === undefined) continue;
        const message = `Completed step ${progress} of 100`;
        await mcpReq.notify({
          method: 'notifications/progress',
          params: { progressToken, progress, total: 100, message },
        });
      }
      return { content: [{ type: 'text', text: String(progressToken ?? 0) }] };
    },
  );
  server.registerTool(
    'test_reconnection',
    { description: 'Ends its stream before the answer; the answer comes on the resumed one.' },
    async ({ http }) => {
      http?.closeSSE?.();
      await pause(2 * stepMs);
      return { content: [{ type: 'text', text: 'Answered after the stream was closed.' }] };
    },
  );
  server.registerTool(
    'test_wait',
    {
      description: 'Works for the given time, or until it is cancelled.',
      inputSchema: fromJsonSchema<{ durationMs: number }>({
        type: 'object',
        properties: { durationMs: { type: 'integer', minimum: 0, maximum: 60_000 } },
        required: ['durationMs'],
      }),
    },
    async ({ durationMs }, { mcpReq }) => {
      await pause(durationMs, undefined, { signal: mcpReq.signal });
      return { content: [{ type: 'text', text: `Waited ${durationMs} ms.` }] };
    },
  );
  registerTriggers(server, hub);
}

/** Tools that cause a change which every listening client is told of. */
function registerTriggers(server: McpServer, hub: ChangeHub): void {
  server.registerTool(
    'test_trigger_tool_change',
    { description: 'Announces a changed list of tools.' },
    () => {
      hub.toolsChanged();
      return { content: [{ type: 'text', text: 'Announced.' }] };
    },
  );
  server.registerTool(
    'test_trigger_prompt_change',
    { description: 'Announces a changed list of prompts.' },
    () => {
      hub.promptsChanged();
      return { content: [{ type: 'text', text: 'Announced.' }] };
    },
  );
  server.registerTool(
    'test_trigger_resource_update',
    { description: `Announces that ${watchedUri} changed.` },
    async () => {
      await hub.resourceUpdated(watchedUri);
      return { content: [{ type: 'text', text: 'Announced.' }] };
    },
  );
}
