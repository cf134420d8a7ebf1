import { type ChangingList, listChangedMethod } from '../mcp/changing-list.ts';
import type { AnswerReader } from './answer-reader.ts';
import type { Admitted } from './limit.ts';
import type { ListStream } from './list-changes.ts';
import { requestIdText } from './local-reply.ts';

/** Time between two announcements of one list on one stream, in milliseconds. */
const announcedEveryMs = 1_000;

export interface ListAnnouncerParts {
  readonly call: Admitted;
  readonly reader: AnswerReader;
  readonly monotonicMs: () => number;
  readonly send: (event: Buffer) => void;
}

/**
 * Announces changed lists on one stream, where their server has promised to: in a legacy session by what it said
 * when the session began, on a subscription by its acknowledgment. Changes that follow each other fast
 * are announced once.
 */
export class ListAnnouncer implements ListStream {
  readonly #parts: ListAnnouncerParts;
  readonly #due = new Set<ChangingList>();
  readonly #announcedMs = new Map<ChangingList, number>();
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(parts: ListAnnouncerParts) {
    this.#parts = parts;
  }

  get call(): Admitted {
    return this.#parts.call;
  }

  announce(lists: readonly ChangingList[]): void {
    for (const list of lists) this.#due.add(list);
    this.#announceDue();
  }

  /** Something has passed on the stream: perhaps the acknowledgment that announcements wait for. */
  passed(): void {
    if (this.#due.size > 0 && this.#timer === undefined) this.#announceDue();
  }

  release(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }

  #announceDue(): void {
    const promised = this.#promised();
    if (promised === undefined || this.#isOver) return;
    const { reader, monotonicMs, send } = this.#parts;
    const nowMs = monotonicMs();
    let waitMs = 0;
    for (const list of this.#due) {
      const leftMs = (this.#announcedMs.get(list) ?? -announcedEveryMs) + announcedEveryMs - nowMs;
      if (promised.has(list) && leftMs > 0) {
        waitMs = Math.max(waitMs, leftMs);
        continue;
      }
      this.#due.delete(list);
      if (!promised.has(list)) continue;
      this.#announcedMs.set(list, nowMs);
      const event = reader.insert(this.#event(list));
      if (event !== undefined) send(event);
    }
    if (waitMs > 0) this.#announceIn(waitMs);
  }

  #announceIn(waitMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#announceDue();
    }, waitMs);
    this.#timer.unref();
  }

  /** Undefined: not known yet. */
  #promised(): ReadonlySet<string> | undefined {
    const { session, decoded } = this.call.permit.routed;
    if (decoded.era === 'legacy') return new Set(session?.state.listChanged);
    return this.#parts.reader.honoured && new Set(this.#parts.reader.honoured);
  }

  #event(list: ChangingList): Buffer {
    const { decoded } = this.call.permit.routed;
    const id = requestIdText(decoded.identified.accepted.facts);
    const meta = `{"_meta":{"io.modelcontextprotocol/subscriptionId":${id}}}`;
    const params = decoded.era === 'modern' ? `,"params":${meta}` : '';
    const message = `{"jsonrpc":"2.0","method":"${listChangedMethod(list)}"${params}}`;
    return Buffer.from(`event: message\ndata: ${message}\n\n`);
  }
}
