import {
  initializePlaces,
  listChangedTap,
  plainPlaces,
  sealedPlaces,
} from '../mcp/answer-places.ts';
import { changingLists } from '../mcp/changing-list.ts';
import { EventStreamRewriter } from '../mcp/event-stream-rewriter.ts';
import { JsonRewriter, type PathNode, type TappedValue } from '../mcp/json-rewriter.ts';
import type { Message } from '../mcp/message.ts';
import type { Handshake } from './answer-headers.ts';
import type { Admitted } from './limit.ts';
import { sealFor } from './upstream-call.ts';

const mayCarryState: ReadonlySet<string> = new Set([
  'tools/call',
  'prompts/get',
  'resources/read',
  'subscriptions/listen',
]);

function isRequest(message: Message | undefined, method: (name: string) => boolean): boolean {
  return message?.kind === 'request' && method(message.method);
}

/** Which places of an answer have to be read. */
function placesFor(call: Admitted): PathNode {
  const [message] = call.permit.routed.decoded.messages;
  if (isRequest(message, (method) => method === 'initialize')) return initializePlaces;
  // A GET stream carries whatever the server says next, also about tasks.
  if (message === undefined) return sealedPlaces;
  const state = isRequest(
    message,
    (method) => mayCarryState.has(method) || method.startsWith('tasks/'),
  );
  return state ? sealedPlaces : plainPlaces;
}

/**
 * Reads an upstream's answer while it passes: the error code for the record, the version that a handshake
 * settles on, and values that have to be sealed for the caller.
 */
export class AnswerReader {
  errorCode = 0;
  /** The response to the request has passed as a whole. */
  answered = false;
  readonly #call: Admitted;
  readonly #json: JsonRewriter;
  readonly #events: EventStreamRewriter | undefined;
  #responseBegun = false;
  #method: string | undefined;
  #protocolVersion: string | undefined;
  readonly #listChanged: string[] = [];

  constructor(call: Admitted, kind: 'json' | 'events') {
    this.#call = call;
    this.#json = new JsonRewriter(placesFor(call), {
      tap: (name, value) => this.#tap(name, value),
      rewrite: (name, text) => this.#seal(name, text),
    });
    this.#events =
      kind === 'json' ? undefined : new EventStreamRewriter(this.#json, () => this.#eventEnd());
  }

  /** What the answer to `initialize` says; of no other answer anything. */
  get handshake(): Handshake {
    return { protocolVersion: this.#protocolVersion, listChanged: this.#listChanged };
  }

  /** A value to seal was too long: the answer can't be relayed. */
  get overflowed(): boolean {
    return this.#json.overflowed;
  }

  /** The answer is a stream of events that a legacy client resumes by itself once it breaks. */
  get resumable(): boolean {
    const legacy = this.#call.permit.routed.decoded.era === 'legacy';
    return legacy && this.#events?.resumable === true;
  }

  /** What has to follow for the next event to stand by itself; undefined: the answer has no events. */
  get eventRest(): string | undefined {
    return this.#events?.eventRest;
  }

  write(chunk: Buffer): Buffer {
    const pieces = (this.#events ?? this.#json).write(chunk);
    const [first] = pieces;
    return pieces.length === 1 && first !== undefined ? first : Buffer.concat(pieces);
  }

  #tap(name: string, value: TappedValue): void {
    if (name === 'response') this.#responseBegun = true;
    else if (name === 'errorCode' && typeof value === 'number') this.errorCode = value;
    else if (name === 'protocolVersion' && typeof value === 'string') this.#protocolVersion = value;
    else if (name === 'method' && typeof value === 'string') this.#method = value;
    else if (value === true) this.#onAnnounced(name);
  }

  #onAnnounced(name: string): void {
    const list = changingLists.find((one) => name === listChangedTap(one));
    if (list !== undefined) this.#listChanged.push(list);
  }

  #eventEnd(): void {
    if (this.#responseBegun) this.answered = true;
    this.#method = undefined;
  }

  #seal(name: string, text: string): string {
    if (name === 'requestState') return sealFor(this.#call, 'request-state', text);
    // In a server's request `taskId` is a task that the client made, and knows by that id.
    const ofClient = name === 'notifiedTaskId' && !this.#method?.startsWith('notifications/');
    return ofClient ? text : sealFor(this.#call, 'task', text);
  }
}
