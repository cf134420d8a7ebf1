/** Why events were lost: there was no room, or what was on disk can't be read. */
type LossCause = 'spool_full' | 'corrupt_segment';

interface Loss {
  readonly count: number;
  readonly cause: LossCause;
}

/** Events lost since the last gap event, which says so as soon as there is room for it. */
export class UnreportedLoss {
  #loss: Loss | undefined;

  get any(): boolean {
    return this.#loss !== undefined;
  }

  /** One more was dropped; the first cause stays. */
  dropped(): void {
    const { count, cause } = this.#loss ?? { count: 0, cause: 'spool_full' };
    this.#loss = { count: count + 1, cause };
  }

  /** So many can't be read any more. */
  damaged(count: number): void {
    this.#loss = { count: (this.#loss?.count ?? 0) + count, cause: 'corrupt_segment' };
  }

  /**
   * Says it with `write`, which tells whether it could.
   *
   * @returns false while something is still unreported.
   */
  report(write: (loss: Loss) => boolean): boolean {
    const loss = this.#loss;
    if (loss === undefined) return true;
    this.#loss = undefined;
    if (write(loss)) return true;
    this.#loss = loss;
    return false;
  }
}
