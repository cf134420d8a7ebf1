import type { AnonymousRefusal, CallRecorder } from '../../data-plane/events/call-recorder.ts';
import type { CallRecord } from '../../proto/gen/mcpgw/events/v1/CallRecord.ts';

/** Keeps records in memory and lets a test wait for them. */
export class ProxyRecorder implements CallRecorder {
  readonly records: CallRecord[] = [];
  readonly refusals: AnonymousRefusal[] = [];
  room = true;
  flushes = 0;
  /** What `flushed` waits for; a test may hold it back or let it fail. */
  flushing: Promise<void> = Promise.resolve();
  readonly #waiters = new Set<() => void>();

  begin(): void {}

  record(call: CallRecord): boolean {
    this.records.push(call);
    for (const wake of this.#waiters) wake();
    return true;
  }

  flushed(): Promise<void> {
    this.flushes += 1;
    return this.flushing;
  }

  hasRoom(): boolean {
    return this.room;
  }

  refuse(refusal: AnonymousRefusal): void {
    this.refusals.push(refusal);
    for (const wake of this.#waiters) wake();
  }

  /** Resolves once a record passes the test. */
  async until(test: (call: CallRecord) => boolean): Promise<CallRecord> {
    for (;;) {
      const found = this.records.find(test);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.#waiters.delete(wake);
          resolve();
        };
        this.#waiters.add(wake);
      });
    }
  }
}
