import { answerPlaces, initializePlaces, listChangedTap } from '../mcp/answer-places.ts';
import { type ChangingList, changingLists } from '../mcp/changing-list.ts';
import { EventStreamRewriter } from '../mcp/event-stream-rewriter.ts';
import {
  JsonRewriter,
  type PathNode,
  type RewriteFailure,
  type TappedValue,
} from '../mcp/json-rewriter.ts';
import type { Message } from '../mcp/message.ts';
import type { Handshake } from './answer-headers.ts';
import type { AnswerNarrowing } from './answer-narrowing.ts';
import type { Admitted } from './limit.ts';
import { ListNarrowing } from './list-narrowing.ts';
import { UpdateGate } from './update-gate.ts';
import { sealFor } from './upstream-call.ts';

const mayCarryState: ReadonlySet<string> = new Set([
  'tools/call',
  'prompts/get',
  'resources/read',
  'subscriptions/listen',
]);

const acknowledgedMethod = 'notifications/subscriptions/acknowledged';

function isRequest(message: Message | undefined, method: (name: string) => boolean): boolean {
  return message?.kind === 'request' && method(message.method);
}

/** Which places of an answer have to be read. */
function placesFor(call: Admitted, narrowing: AnswerNarrowing): PathNode {
  const { messages, era } = call.permit.routed.decoded;
  const [message] = messages;
  if (isRequest(message, (method) => method === 'initialize')) return initializePlaces;
  const listens = isRequest(message, (method) => method === 'subscriptions/listen');
  const state = isRequest(
    message,
    (method) => mayCarryState.has(method) || method.startsWith('tasks/'),
  );
  return answerPlaces({
    // A GET stream carries whatever the server says next, also about tasks.
    seals: state || message === undefined,
    lists: narrowing.items === undefined ? 'none' : era === 'modern' ? 'cacheable' : 'plain',
    updates: narrowing.mayRead !== undefined,
    acknowledgment: listens,
  });
}

/**
 * Reads an upstream's answer while it passes: the error code for the record, what a handshake settles on, values
 * that have to be sealed for the caller, and what the caller may not see.
 */
export class AnswerReader {
  errorCode = 0;
  /** The response to the request has passed as a whole. */
  answered = false;
  readonly #call: Admitted;
  readonly #json: JsonRewriter;
  readonly #events: EventStreamRewriter | undefined;
  readonly #lists: ListNarrowing | undefined;
  readonly #gate: UpdateGate | undefined;
  #responseBegun = false;
  /** What the client lacked of an event before the chunk that can't be relayed. */
  #restAtFailure: string | undefined;
  #method: string | undefined;
  #protocolVersion: string | undefined;
  /** Lists that the message in hand promises to announce changes of. */
  #promised: ChangingList[] = [];
  #honoured: readonly ChangingList[] | undefined;

  constructor(call: Admitted, kind: 'json' | 'events', narrowing: AnswerNarrowing) {
    this.#call = call;
    const { items, mayRead } = narrowing;
    this.#lists = items && new ListNarrowing(items);
    this.#gate = mayRead && new UpdateGate(mayRead);
    this.#json = new JsonRewriter(placesFor(call, narrowing), {
      tap: (name, value) => this.#tap(name, value),
      rewrite: (name, text) => this.#seal(name, text),
      take: (name, value) => this.#lists?.take(name, value) ?? value,
      closing: () => this.#lists?.closing() ?? '',
    });
    const gate = this.#gate;
    const listener = {
      ...(gate && { mayPass: (isWhole: boolean) => gate.mayPass(isWhole) }),
      onEventEnd: () => this.#eventEnd(),
    };
    this.#events = kind === 'json' ? undefined : new EventStreamRewriter(this.#json, listener);
  }

  /** Whether lists in the answer are read, so that it may turn out late that it can't be relayed. */
  get narrows(): boolean {
    return this.#lists !== undefined;
  }

  /** What the answer to `initialize` says; of no other answer anything. */
  get handshake(): Handshake {
    return { protocolVersion: this.#protocolVersion, listChanged: this.#promised };
  }

  /** Lists whose changes a subscription's stream tells, as its acknowledgment says; undefined: not yet. */
  get honoured(): readonly ChangingList[] | undefined {
    return this.#honoured;
  }

  /** Why the answer can't be relayed further. */
  get failure(): RewriteFailure | undefined {
    if (this.#events?.overflowed) return 'upstream_too_large';
    return this.#json.failure ?? this.#lists?.failure ?? this.#gate?.failure;
  }

  /** The answer is a stream of events that a legacy client resumes by itself once it breaks. */
  get resumable(): boolean {
    const legacy = this.#call.permit.routed.decoded.era === 'legacy';
    return legacy && this.#events?.resumable === true;
  }

  /** What has to follow for the next event to stand by itself; undefined: the answer has no events. */
  get eventRest(): string | undefined {
    return this.#restAtFailure ?? this.#events?.eventRest;
  }

  /** What to pass on for this chunk; of no use once there is a `failure`. */
  write(chunk: Buffer): Buffer {
    const rest = this.eventRest;
    const pieces = (this.#events ?? this.#json).write(chunk);
    if (this.failure !== undefined) this.#restAtFailure = rest;
    const [first] = pieces;
    return pieces.length === 1 && first !== undefined ? first : Buffer.concat(pieces);
  }

  /** Puts an event of our own into the stream: what is to leave now, or nothing while another one passes. */
  insert(event: Buffer): Buffer | undefined {
    return this.#events?.insert(event);
  }

  /** The answer is over; afterwards `failure` says whether a part of it is still held back. */
  end(): void {
    if (this.#events === undefined) this.#json.reset();
  }

  #tap(name: string, value: TappedValue): void {
    this.#gate?.tap(name, value);
    if (name === 'response') this.#onResponse();
    else if (name === 'errorCode' && typeof value === 'number') this.errorCode = value;
    else if (name === 'protocolVersion' && typeof value === 'string') this.#protocolVersion = value;
    else if (name === 'method' && typeof value === 'string') this.#method = value;
    else if (value === true) this.#onPromise(name);
  }

  #onResponse(): void {
    this.#responseBegun = true;
    this.#lists?.begin();
  }

  #onPromise(name: string): void {
    const list = changingLists.find((one) => name === listChangedTap(one));
    if (list !== undefined) this.#promised.push(list);
  }

  #eventEnd(): void {
    if (this.#responseBegun && this.failure === undefined) this.answered = true;
    if (this.#method === acknowledgedMethod) {
      this.#honoured = this.#promised;
      this.#promised = [];
    }
    this.#method = undefined;
    this.#gate?.eventEnd();
  }

  #seal(name: string, text: string): string {
    if (name === 'requestState') return sealFor(this.#call, 'request-state', text);
    // In a server's request `taskId` is a task that the client made, and knows by that id.
    const ofClient = name === 'notifiedTaskId' && !this.#method?.startsWith('notifications/');
    return ofClient ? text : sealFor(this.#call, 'task', text);
  }
}
