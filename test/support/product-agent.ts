import { randomBytes } from 'node:crypto';
import { createParser } from 'eventsource-parser';
import { Agent, fetch, type Response } from 'undici';

/** One MCP server as an agent reaches it. */
export interface AgentRoute {
  readonly url: string;
  readonly apiKey: string;
}

/** A call that was answered in full, by whomever. */
export interface AnsweredCall {
  /** Names the call in the request log. */
  readonly traceId: string;
  readonly status: number;
  /** Text of the tool's answer, if it gave one. */
  readonly text: string | undefined;
  /** Reason of the gateway's own answer. */
  readonly reason: string | undefined;
}

export interface StreamEvent {
  readonly id: string | undefined;
  readonly message: { readonly method?: string; readonly id?: unknown };
}

const protocolVersion = '2025-11-25';
const callTimeoutMs = 10_000;

interface Answer {
  readonly result?: { readonly content?: readonly { readonly text?: string }[] };
  readonly error?: { readonly data?: { readonly reason?: string } };
}

function messageOf(contentType: string | null, body: string): Answer {
  if (!contentType?.startsWith('text/event-stream')) return JSON.parse(body || '{}') as Answer;
  let last = '{}';
  const parser = createParser({
    onEvent: ({ data }) => {
      if (data !== '') last = data;
    },
  });
  parser.feed(body);
  return JSON.parse(last) as Answer;
}

/** A GET stream of a legacy session, read as it comes. */
export class EventStream {
  readonly events: StreamEvent[] = [];
  /** Resolves when it ends, whoever ended it. */
  readonly ended: Promise<void>;
  readonly #abort: AbortController;
  #wake: () => void = () => undefined;

  constructor(response: Response, abort: AbortController) {
    this.#abort = abort;
    this.ended = this.#read(response).catch(() => undefined);
  }

  close(): void {
    this.#abort.abort();
  }

  /** The first event whose message is of this method; rejects after 10 s or when the stream ends. */
  async find(method: string): Promise<StreamEvent> {
    const timeout = AbortSignal.timeout(callTimeoutMs);
    let isEnded = false;
    void this.ended.then(() => {
      isEnded = true;
      this.#wake();
    });
    timeout.addEventListener('abort', () => this.#wake());
    for (;;) {
      const found = this.events.find(({ message }) => message.method === method);
      if (found) return found;
      if (isEnded || timeout.aborted) {
        throw new Error(`No ${method} came: ${JSON.stringify(this.events)}`);
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async #read(response: Response): Promise<void> {
    const parser = createParser({
      onEvent: ({ id, data }) => {
        if (data === '') return;
        this.events.push({ id, message: JSON.parse(data) as StreamEvent['message'] });
        this.#wake();
      },
    });
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      parser.feed(decoder.decode(chunk as Uint8Array, { stream: true }));
    }
  }
}

/** An agent in a legacy session. Sends each call with a trace id of its own and never sends it again. */
export class AgentSession {
  readonly sessionId: string;
  readonly #route: AgentRoute;
  readonly #dispatcher: Agent;

  private constructor(route: AgentRoute, sessionId: string, dispatcher: Agent) {
    this.#route = route;
    this.sessionId = sessionId;
    this.#dispatcher = dispatcher;
  }

  /** @throws with the answer when no session was begun. */
  static async begin(route: AgentRoute): Promise<AgentSession> {
    const draft = AgentSession.resume(route, '');
    const response = await draft.#post({
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: { protocolVersion, capabilities: {}, clientInfo: { name: 'agent', version: '1' } },
    });
    const body = await response.text();
    const sessionId = response.headers.get('mcp-session-id');
    if (sessionId === null) throw new Error(`No session: ${response.status} ${body}`);
    const session = new AgentSession(route, sessionId, draft.#dispatcher);
    const initialized = { jsonrpc: '2.0', method: 'notifications/initialized' };
    await (await session.#post(initialized)).text();
    return session;
  }

  /** A session that was begun elsewhere. */
  static resume(route: AgentRoute, sessionId: string): AgentSession {
    return new AgentSession(route, sessionId, new Agent({ keepAliveTimeout: 4000 }));
  }

  /** Calls a tool. @throws when no complete answer came. */
  async call(tool: string, args: object = {}): Promise<AnsweredCall> {
    const traceId = randomBytes(16).toString('hex');
    const params = { name: tool, arguments: args };
    const response = await this.#post(
      { jsonrpc: '2.0', id: traceId, method: 'tools/call', params },
      { traceparent: `00-${traceId}-${traceId.slice(0, 16)}-01` },
    );
    const body = await response.text();
    const { result, error } = messageOf(response.headers.get('content-type'), body);
    const { status } = response;
    return { traceId, status, text: result?.content?.[0]?.text, reason: error?.data?.reason };
  }

  /** Opens the GET stream, after an event if one is named. @throws with the answer when there is none. */
  async listen(lastEventId?: string): Promise<EventStream> {
    const abort = new AbortController();
    const response = await fetch(this.#route.url, {
      dispatcher: this.#dispatcher,
      headers: {
        ...this.#headers(),
        accept: 'text/event-stream',
        ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
      },
      signal: abort.signal,
    });
    if (response.status === 200) return new EventStream(response, abort);
    throw new Error(`No stream: ${response.status} ${await response.text()}`);
  }

  async close(): Promise<void> {
    await this.#dispatcher.destroy();
  }

  #post(message: object, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(this.#route.url, {
      method: 'POST',
      dispatcher: this.#dispatcher,
      headers: {
        ...this.#headers(),
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
        ...headers,
      },
      body: JSON.stringify(message),
      signal: AbortSignal.timeout(callTimeoutMs),
    });
  }

  #headers(): Record<string, string> {
    return {
      authorization: `Bearer ${this.#route.apiKey}`,
      'mcp-protocol-version': protocolVersion,
      ...(this.sessionId !== '' && { 'mcp-session-id': this.sessionId }),
    };
  }
}

/** Between the calls of a session: without it the load takes the processor from what is tested. */
const loadPauseMs = 5;

/** Calls from several sessions, one after the other in each, until it is stopped. */
export class Load {
  /** Calls that were answered in full. */
  readonly answered: AnsweredCall[] = [];
  /** Calls that got no complete answer: their node went away. */
  unanswered = 0;
  readonly #callers: Promise<void>[];
  #isStopped = false;
  #wake: () => void = () => undefined;

  private constructor(sessions: readonly AgentSession[]) {
    this.#callers = sessions.map((session) => this.#run(session));
  }

  static start(sessions: readonly AgentSession[]): Load {
    return new Load(sessions);
  }

  /** Resolves after this many more answers; rejects after 20 s. */
  async further(count: number): Promise<void> {
    const wanted = this.answered.length + count;
    const timeout = AbortSignal.timeout(20_000);
    timeout.addEventListener('abort', () => this.#wake());
    while (this.answered.length < wanted) {
      if (timeout.aborted) throw new Error(`Only ${this.answered.length} of ${wanted} answers.`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Ends it; resolves when no call is under way any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#callers);
  }

  async #run(session: AgentSession): Promise<void> {
    while (!this.#isStopped) {
      try {
        this.answered.push(await session.call('test_simple_text'));
        this.#wake();
      } catch {
        this.unanswered += 1;
      }
      await new Promise((resolve) => setTimeout(resolve, loadPauseMs));
    }
  }
}
