import { readFileSync } from 'node:fs';
import { fromJsonSchema, type JsonSchemaType, type McpServer } from '@modelcontextprotocol/server';

/** Every keyword of SEP-1613 and SEP-2106 that must reach the client as it was written. */
const fullVocabulary: JsonSchemaType = JSON.parse(
  readFileSync(new URL('full-vocabulary.schema.json', import.meta.url), 'utf8'),
);

/** Tools that stand for what their input schema says. */
export function registerSchemaTools(server: McpServer): void {
  server.registerTool(
    'json_schema_2020_12_tool',
    {
      description: 'Tool with JSON Schema 2020-12 features',
      inputSchema: fromJsonSchema<Record<string, unknown>>(fullVocabulary),
    },
    (input) => ({ content: [{ type: 'text', text: JSON.stringify(input) }] }),
  );
  const mirrored: Record<string, unknown> = { type: 'string', 'x-mcp-header': 'Message' };
  server.registerTool(
    'test_custom_header_tool',
    {
      description: 'Mirrors its argument in an Mcp-Param header (SEP-2243).',
      inputSchema: fromJsonSchema<{ message: string }>({
        type: 'object',
        properties: { message: mirrored },
        required: ['message'],
        additionalProperties: false,
      }),
    },
    ({ message }) => ({ content: [{ type: 'text', text: `Message: ${message}` }] }),
  );
}
