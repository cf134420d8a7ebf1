import { type ItemList, itemNames } from '../mcp/answer-places.ts';
import type { RewriteFailure } from '../mcp/json-rewriter.ts';
import { narrowList } from '../mcp/list-items.ts';
import type { VisibleItems } from './visible-items.ts';

/** Longest time that a client may keep a narrowed list, in milliseconds: a policy may change meanwhile. */
const narrowedTtlMsMax = 60_000;

const privateScope = Buffer.from('"private"');

/**
 * Takes out of lists what their caller can't use. What was narrowed for one caller is nobody else's, and not
 * for long its own [2026-07-28/server/utilities/caching].
 */
export class ListNarrowing {
  /** A list could not be read: the answer must not be relayed. */
  failure: RewriteFailure | undefined;
  readonly #items: VisibleItems;
  #saysScope = false;
  #saysTtl = false;

  constructor(items: VisibleItems) {
    this.#items = items;
  }

  /** A result begins. */
  begin(): void {
    this.#saysScope = false;
    this.#saysTtl = false;
  }

  /** What comes in the place of a member of the result. */
  take(name: string, value: Buffer): Buffer {
    if (name === 'cacheScope') {
      this.#saysScope = true;
      return privateScope;
    }
    if (name === 'ttlMs') {
      this.#saysTtl = true;
      return cappedTtl(value);
    }
    return isItemList(name) ? this.#narrow(name, value) : value;
  }

  /** What the result lacks of what the caller has to know. */
  closing(): string {
    const members: string[] = [];
    if (!this.#saysTtl) members.push('"ttlMs":0');
    if (!this.#saysScope) members.push('"cacheScope":"private"');
    return members.join();
  }

  #narrow(list: ItemList, value: Buffer): Buffer {
    const kept = narrowList(value, itemNames[list], (name) => this.#items.shows(list, name));
    if (kept === undefined) this.failure ??= 'upstream_invalid';
    return kept ?? value;
  }
}

function isItemList(name: string): name is ItemList {
  return Object.hasOwn(itemNames, name);
}

/** A time that is none counts as over. */
function cappedTtl(value: Buffer): Buffer {
  const ttlMs = Number(value.toString('latin1'));
  if (Number.isInteger(ttlMs) && ttlMs >= 0 && ttlMs <= narrowedTtlMsMax) return value;
  return Buffer.from(ttlMs > narrowedTtlMsMax ? `${narrowedTtlMsMax}` : '0');
}
