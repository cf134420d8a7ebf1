import type { RefusalAggregateInput } from '../../proto/gen/mcpgw/events/v1/RefusalAggregate.ts';
import { addressBlock } from './address-block.ts';
import type { AnonymousRefusal } from './call-recorder.ts';

interface Tally {
  readonly reason: string;
  readonly addressBlock: string;
  readonly organizationId: string;
  readonly windowStartMs: number;
  count: number;
}

/** Where a block is counted when there are more of them than the aggregator holds. */
const everywhere = '';

/**
 * Counts refusals of callers that were never identified, by reason, address block and organization. It
 * never holds more than `blocksMax` tallies and one for each reason: what comes from further blocks is
 * counted without its block.
 */
export class RefusalAggregator {
  readonly #blocksMax: number;
  readonly #now: () => number;
  readonly #tallies = new Map<string, Tally>();

  /** `now` is the wall clock, in milliseconds. */
  constructor(blocksMax: number, now: () => number) {
    this.#blocksMax = blocksMax;
    this.#now = now;
  }

  add({ reason, clientAddress, organizationId = '' }: AnonymousRefusal): void {
    const block = addressBlock(clientAddress);
    if (this.#count(reason, block, organizationId)) return;
    if (this.#tallies.size < this.#blocksMax) this.#begin(reason, block, organizationId);
    else if (!this.#count(reason, everywhere, '')) this.#begin(reason, everywhere, '');
  }

  /**
   * Hands out tallies, oldest first; one for which `take` returns false stays and goes on counting, so
   * that a full spool costs resolution in time and no count. Stops after `tallyMax`, and at those begun
   * at `beforeMs` or later; returns whether there are more.
   */
  flush(
    take: (aggregate: RefusalAggregateInput) => boolean,
    { tallyMax, beforeMs }: { readonly tallyMax: number; readonly beforeMs: number },
  ): boolean {
    const windowEndMs = this.#now();
    let taken = 0;
    for (const [key, tally] of this.#tallies) {
      if (tally.windowStartMs >= beforeMs) return false;
      if (taken >= tallyMax) return true;
      if (!take({ ...tally, windowEndMs })) return false;
      this.#tallies.delete(key);
      taken += 1;
    }
    return false;
  }

  #count(reason: string, block: string, organizationId: string): boolean {
    const tally = this.#tallies.get(`${reason} ${block} ${organizationId}`);
    if (tally === undefined) return false;
    tally.count += 1;
    return true;
  }

  #begin(reason: string, block: string, organizationId: string): void {
    this.#tallies.set(`${reason} ${block} ${organizationId}`, {
      reason,
      addressBlock: block,
      organizationId,
      windowStartMs: this.#now(),
      count: 1,
    });
  }
}
