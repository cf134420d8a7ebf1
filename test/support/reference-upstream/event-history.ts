import type { EventStore, JSONRPCMessage } from '@modelcontextprotocol/server';

interface StoredEvent {
  readonly id: string;
  readonly streamId: string;
  readonly message: JSONRPCMessage;
}

/**
 * The events of one session, so that a client can resume a stream by `Last-Event-ID`. The oldest fall out
 * beyond `eventsMax`; ids are a counter, unique within the session as the specification asks.
 */
export class EventHistory implements EventStore {
  readonly #events: StoredEvent[] = [];
  readonly #eventsMax: number;
  #stored = 0;

  constructor(eventsMax: number) {
    this.#eventsMax = eventsMax;
  }

  async storeEvent(streamId: string, message: JSONRPCMessage): Promise<string> {
    this.#stored += 1;
    const id = `${this.#stored}`;
    this.#events.push({ id, streamId, message });
    if (this.#events.length > this.#eventsMax) this.#events.shift();
    return id;
  }

  async getStreamIdForEventId(eventId: string): Promise<string | undefined> {
    return this.#events.find(({ id }) => id === eventId)?.streamId;
  }

  /** Sends what came after the event on its own stream; a priming event is stored but never replayed. */
  async replayEventsAfter(
    lastEventId: string,
    { send }: { send: (eventId: string, message: JSONRPCMessage) => Promise<void> },
  ): Promise<string> {
    const from = this.#events.findIndex(({ id }) => id === lastEventId);
    const streamId = this.#events[from]?.streamId;
    if (streamId === undefined) throw new Error(`Unknown event ${lastEventId}.`);
    for (const event of this.#events.slice(from + 1)) {
      if (event.streamId !== streamId || Object.keys(event.message).length === 0) continue;
      await send(event.id, event.message);
    }
    return streamId;
  }
}
