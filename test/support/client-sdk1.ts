import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  CallToolResultSchema,
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  PromptListChangedNotificationSchema,
  ResourceUpdatedNotificationSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import type { ClientRoute } from './client-gateway.ts';
import { Inbox } from './client-inbox.ts';
import {
  type CallOptions,
  type ClientSession,
  clientAnswers,
  clientRoot,
  type ReceivedNotification,
  routeHeaders,
  textOf,
} from './client-session.ts';

/** Connects the client of SDK 1.32, which knows the legacy era only. */
export async function connectSdk1(route: ClientRoute): Promise<ClientSession> {
  const notifications = new Inbox<ReceivedNotification>();
  const errors = new Inbox<Error>();
  const client = newClient(notifications);
  client.onerror = (error) => errors.push(error);
  const transport = new StreamableHTTPClientTransport(new URL(route.url), {
    requestInit: { headers: routeHeaders(route) },
  });
  // The transport's optional members are typed as possibly undefined, which exact optional types refuse.
  await client.connect(transport as Transport);
  return new Sdk1Session(client, transport, notifications, errors);
}

function newClient(notifications: Inbox<ReceivedNotification>): Client {
  const client = new Client(
    { name: 'sdk-1.32', version: '1.0.0' },
    { capabilities: { sampling: {}, elicitation: { form: {} }, roots: {} } },
  );
  client.setRequestHandler(CreateMessageRequestSchema, ({ params }) => ({
    role: 'assistant',
    model: 'test-model',
    content: { type: 'text', text: `sampled: ${textOf(params.messages[0]?.content)}` },
  }));
  client.setRequestHandler(ElicitRequestSchema, () => ({
    action: 'accept',
    content: clientAnswers,
  }));
  client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri: clientRoot }] }));
  const receive = (notification: { method: string; params?: object | undefined }) =>
    notifications.push({ method: notification.method, params: { ...notification.params } });
  client.setNotificationHandler(LoggingMessageNotificationSchema, receive);
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, receive);
  client.setNotificationHandler(ToolListChangedNotificationSchema, receive);
  client.setNotificationHandler(PromptListChangedNotificationSchema, receive);
  return client;
}

class Sdk1Session implements ClientSession {
  readonly era = 'legacy';
  readonly notifications: Inbox<ReceivedNotification>;
  readonly errors: Inbox<Error>;
  readonly #client: Client;
  readonly #transport: StreamableHTTPClientTransport;

  constructor(
    client: Client,
    transport: StreamableHTTPClientTransport,
    notifications: Inbox<ReceivedNotification>,
    errors: Inbox<Error>,
  ) {
    this.#client = client;
    this.#transport = transport;
    this.notifications = notifications;
    this.errors = errors;
  }

  get serverName(): string {
    return this.#client.getServerVersion()?.name ?? '';
  }

  get sessionId(): string | undefined {
    return this.#transport.sessionId;
  }

  async toolNames(): Promise<string[]> {
    return (await this.#client.listTools()).tools.map(({ name }) => name);
  }

  async call(name: string, args: Record<string, unknown> = {}, options: CallOptions = {}) {
    const { onProgress, signal, timeoutMs } = options;
    const result = await this.#client.callTool({ name, arguments: args }, CallToolResultSchema, {
      ...(signal && { signal }),
      ...(onProgress && { onprogress: ({ progress }) => onProgress(progress) }),
      ...(timeoutMs !== undefined && { timeout: timeoutMs }),
    });
    return { text: textOf(result.content), isError: result.isError === true };
  }

  async resourceUris(): Promise<string[]> {
    return (await this.#client.listResources()).resources.map(({ uri }) => uri);
  }

  async templateUris(): Promise<string[]> {
    const { resourceTemplates } = await this.#client.listResourceTemplates();
    return resourceTemplates.map(({ uriTemplate }) => uriTemplate);
  }

  async read(uri: string): Promise<string> {
    const [first] = (await this.#client.readResource({ uri })).contents;
    if (!first) throw new Error(`${uri} has no contents.`);
    return 'text' in first ? first.text : first.blob;
  }

  async promptNames(): Promise<string[]> {
    return (await this.#client.listPrompts()).prompts.map(({ name }) => name);
  }

  async prompt(name: string, args: Record<string, string> = {}): Promise<string> {
    const { messages } = await this.#client.getPrompt({ name, arguments: args });
    return textOf(messages.map(({ content }) => content));
  }

  completePrompt(name: string, argument: string, value: string): Promise<string[]> {
    return this.#complete({ type: 'ref/prompt', name }, argument, value);
  }

  completeTemplate(uri: string, argument: string, value: string): Promise<string[]> {
    return this.#complete({ type: 'ref/resource', uri }, argument, value);
  }

  async wantLogs(): Promise<void> {
    await this.#client.setLoggingLevel('info');
  }

  async watch(uri: string): Promise<void> {
    await this.#client.subscribeResource({ uri });
  }

  terminate(): Promise<void> {
    return this.#transport.terminateSession();
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #complete(
    ref: { type: 'ref/prompt'; name: string } | { type: 'ref/resource'; uri: string },
    name: string,
    value: string,
  ): Promise<string[]> {
    const { completion } = await this.#client.complete({ ref, argument: { name, value } });
    return completion.values;
  }
}
