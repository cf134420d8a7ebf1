import type { ClientRoute } from './client-gateway.ts';
import type { Inbox } from './client-inbox.ts';

/** What a user of any of the clients sees of a tool's answer. */
interface ToolAnswer {
  /** All text of the content, joined by newlines. */
  readonly text: string;
  readonly isError: boolean;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: number) => void;
  readonly timeoutMs?: number;
}

/** A notification that a client was sent. */
export interface ReceivedNotification {
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/**
 * A connected client of one of the SDKs, in the words that they share, so that one test runs on all. It
 * answers what servers ask: sampling with `sampled: <prompt>`, a form with `clientAnswers`, roots with
 * `clientRoot`.
 */
export interface ClientSession {
  readonly era: 'legacy' | 'modern';
  readonly serverName: string;
  /** Of a legacy session with an id. */
  readonly sessionId: string | undefined;
  readonly notifications: Inbox<ReceivedNotification>;
  /** What went wrong besides its calls, as told to `onerror`. */
  readonly errors: Inbox<Error>;
  toolNames(): Promise<string[]>;
  call(name: string, args?: Record<string, unknown>, options?: CallOptions): Promise<ToolAnswer>;
  resourceUris(): Promise<string[]>;
  templateUris(): Promise<string[]>;
  /** Text, or base64 of a binary resource. */
  read(uri: string): Promise<string>;
  promptNames(): Promise<string[]>;
  prompt(name: string, args?: Record<string, string>): Promise<string>;
  completePrompt(name: string, argument: string, value: string): Promise<string[]>;
  completeTemplate(uri: string, argument: string, value: string): Promise<string[]>;
  /** Asks for log messages from `info` up: a request in the legacy era, a field of each later call in the modern one. */
  wantLogs(): Promise<void>;
  /** From now on `notifications` receives updates of the resource and changes of the lists. */
  watch(uri: string): Promise<void>;
  /** Ends the session at the server, when it has one. */
  terminate(): Promise<void>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export type ConnectClient = (route: ClientRoute) => Promise<ClientSession>;

/** What the clients answer to any form. */
export const clientAnswers = { username: 'ada', email: 'ada@example.com', name: 'Ada' };

export const clientRoot = 'file:///workspace';

/** The route's own headers and its credential. */
export function routeHeaders({ apiKey, headers }: ClientRoute): Record<string, string> {
  return { ...headers, ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }) };
}

interface ContentBlock {
  readonly type: string;
  readonly text?: unknown;
}

/** The text blocks of any content, joined by newlines. */
export function textOf(content: unknown): string {
  const blocks: ContentBlock[] = Array.isArray(content) ? content : [content];
  return blocks
    .filter(({ type }) => type === 'text')
    .map(({ text }) => String(text))
    .join('\n');
}
