import { type McpServer, ResourceTemplate } from '@modelcontextprotocol/server';
import { pngBase64 } from './media.ts';

/** The resource that clients subscribe to; `test_trigger_resource_update` announces it. */
export const watchedUri = 'test://watched-resource';

/** Fixed resources, text and binary, and one template with completion. */
export function registerResources(server: McpServer): void {
  const texts = [
    ['static-text', 'test://static-text', 'This is the content of the static text resource.'],
    ['embedded-resource', 'test://embedded-resource', 'This is an embedded resource content.'],
    ['watched-resource', watchedUri, 'Watched resource content'],
  ] as const;
  for (const [name, uri, text] of texts) {
    const mimeType = 'text/plain';
    server.registerResource(name, uri, { description: `${name} for tests`, mimeType }, () => ({
      contents: [{ uri, mimeType, text }],
    }));
  }
  server.registerResource(
    'static-binary',
    'test://static-binary',
    { description: 'An image', mimeType: 'image/png' },
    ({ href }) => ({ contents: [{ uri: href, mimeType: 'image/png', blob: pngBase64 }] }),
  );
  server.registerResource(
    'template',
    new ResourceTemplate('test://template/{id}/data', {
      list: undefined,
      complete: { id: (value) => ['1', '12', '123', '2'].filter((id) => id.startsWith(value)) },
    }),
    { description: 'Data by id', mimeType: 'application/json' },
    ({ href }, { id }) => ({
      contents: [
        {
          uri: href,
          mimeType: 'application/json',
          text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${String(id)}` }),
        },
      ],
    }),
  );
}
