import type { Snapshot, SnapshotSource } from './snapshot.ts';

export type SnapshotListener = (snapshot: Snapshot) => void;

/** Where the current snapshot stands. Calls in progress keep the one that they took. */
export class SnapshotHolder implements SnapshotSource {
  readonly #listeners = new Set<SnapshotListener>();
  #current: Snapshot | undefined;

  current(): Snapshot | undefined {
    return this.#current;
  }

  /** Replaces the current snapshot for all calls that begin from now on, then tells the listeners. */
  publish(snapshot: Snapshot): void {
    if (snapshot === this.#current) return;
    this.#current = snapshot;
    for (const listener of [...this.#listeners]) listener(snapshot);
  }

  /** Calls `listener` at each change, after it is in force; returns what ends that. */
  onChange(listener: SnapshotListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
