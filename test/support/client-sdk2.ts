import {
  Client,
  LOG_LEVEL_META_KEY,
  StreamableHTTPClientTransport,
  type Transport,
} from '@modelcontextprotocol/client';
import { Inbox } from './client-inbox.ts';
import {
  type CallOptions,
  type ClientSession,
  type ConnectClient,
  clientAnswers,
  clientRoot,
  type ReceivedNotification,
  routeHeaders,
  textOf,
} from './client-session.ts';

const listChanges = [
  'notifications/tools/list_changed',
  'notifications/prompts/list_changed',
  'notifications/resources/list_changed',
] as const;

/** Connects the SDK's client 2.4; `legacy` opens with initialize at once, `auto` probes the modern era first. */
export function connectSdk2(mode: 'legacy' | 'auto'): ConnectClient {
  return async (route) => {
    const notifications = new Inbox<ReceivedNotification>();
    const errors = new Inbox<Error>();
    const client = newClient(mode, notifications);
    client.onerror = (error) => errors.push(error);
    const transport = new StreamableHTTPClientTransport(new URL(route.url), {
      requestInit: { headers: routeHeaders(route) },
    });
    // The transport's optional members are typed as possibly undefined, which exact optional types refuse.
    await client.connect(transport as Transport);
    return new Sdk2Session(client, transport, notifications, errors);
  };
}

function newClient(mode: 'legacy' | 'auto', notifications: Inbox<ReceivedNotification>): Client {
  const client = new Client(
    { name: 'sdk-2.4', version: '1.0.0' },
    {
      capabilities: { sampling: {}, elicitation: { form: {} }, roots: {} },
      versionNegotiation: { mode },
    },
  );
  client.setRequestHandler('sampling/createMessage', ({ params }) => ({
    role: 'assistant',
    model: 'test-model',
    content: { type: 'text', text: `sampled: ${textOf(params.messages[0]?.content)}` },
  }));
  client.setRequestHandler('elicitation/create', () => ({
    action: 'accept',
    content: clientAnswers,
  }));
  client.setRequestHandler('roots/list', () => ({ roots: [{ uri: clientRoot }] }));
  for (const method of listChanges) {
    client.setNotificationHandler(method, () => notifications.push({ method, params: {} }));
  }
  client.setNotificationHandler('notifications/message', ({ method, params }) =>
    notifications.push({ method, params: { ...params } }),
  );
  client.setNotificationHandler('notifications/resources/updated', ({ method, params }) =>
    notifications.push({ method, params: { ...params } }),
  );
  return client;
}

class Sdk2Session implements ClientSession {
  readonly notifications: Inbox<ReceivedNotification>;
  readonly errors: Inbox<Error>;
  readonly #client: Client;
  readonly #transport: StreamableHTTPClientTransport;
  #meta: Record<string, unknown> = {};

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

  get era(): 'legacy' | 'modern' {
    return this.#client.getProtocolEra() ?? 'legacy';
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
    const result = await this.#client.callTool(
      { name, arguments: args, _meta: this.#meta },
      {
        ...(signal && { signal }),
        ...(onProgress && { onprogress: ({ progress }) => onProgress(progress) }),
        ...(timeoutMs !== undefined && { timeout: timeoutMs }),
      },
    );
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
    if (this.era === 'legacy') await this.#client.setLoggingLevel('info');
    else this.#meta = { [LOG_LEVEL_META_KEY]: 'info' };
  }

  async watch(uri: string): Promise<void> {
    if (this.era === 'legacy') {
      await this.#client.subscribeResource({ uri });
    } else {
      await this.#client.listen({
        toolsListChanged: true,
        promptsListChanged: true,
        resourceSubscriptions: [uri],
      });
    }
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
