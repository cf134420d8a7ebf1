import type { TokenProof } from './principal.ts';
import type { TokenClaims } from './token-claims.ts';

/** A token whose signature was verified with a key of this very entry. */
export interface VerifiedToken {
  readonly proof: TokenProof;
  readonly claims: TokenClaims;
}

interface Slot {
  readonly token: VerifiedToken;
  readonly bytes: number;
  /** Asked for since it was last passed over. */
  used: boolean;
}

export interface TokenCacheBounds {
  readonly tokensMax: number;
  readonly bytesMax: number;
}

/** So many characters from a token's end name it: 190 bits of its signature. */
const nameLength = 32;
/** The text and what was read of it, in bytes for each character, roughly. */
const claimsFactor = 4;
/** What an entry takes besides. */
const entryBytes = 1024;

/**
 * Tokens that need no second verification, bounded in number and bytes.
 *
 * An entry is found by the end of its signature and then compared whole. Hashing all of a token's text would
 * cost more than everything else about a known token. It opens nothing: a text that only ends alike is no
 * entry and goes the way of every unknown token. Nor does the time that the comparison takes give a token
 * away: it is reached only by who knows 190 bits that nobody can guess.
 */
export class TokenCache {
  readonly #bounds: TokenCacheBounds;
  /** In order of insertion, apart from those that were given a second chance. */
  readonly #slots = new Map<string, Slot>();
  #bytes = 0;

  constructor(bounds: TokenCacheBounds) {
    this.#bounds = bounds;
  }

  get size(): number {
    return this.#slots.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(text: string): VerifiedToken | undefined {
    const slot = this.#slots.get(text.slice(-nameLength));
    if (slot === undefined || slot.token.proof.token.text !== text) return undefined;
    slot.used = true;
    return slot.token;
  }

  /** Keeps a token; those that have expired, and then those that nobody asked for of late, make room. */
  add(token: VerifiedToken, nowMs: number): void {
    const { text } = token.proof.token;
    const bytes = claimsFactor * text.length + entryBytes;
    this.delete(text);
    if (bytes > this.#bounds.bytesMax) return;
    this.#slots.set(text.slice(-nameLength), { token, bytes, used: false });
    this.#bytes += bytes;
    this.#shrink(nowMs);
  }

  delete(text: string): void {
    const name = text.slice(-nameLength);
    const slot = this.#slots.get(name);
    if (slot !== undefined) this.#drop(name, slot);
  }

  #drop(name: string, slot: Slot): void {
    this.#slots.delete(name);
    this.#bytes -= slot.bytes;
  }

  /** The oldest goes, unless it was used since it was last the oldest: then it becomes the youngest. */
  #shrink(nowMs: number): void {
    const { tokensMax, bytesMax } = this.#bounds;
    for (const [name, slot] of this.#slots) {
      const isFull = this.#slots.size > tokensMax || this.#bytes > bytesMax;
      const isExpired = slot.token.claims.expiresAtMs <= nowMs;
      if (!isFull && !isExpired) return;
      this.#slots.delete(name);
      if (slot.used && !isExpired) this.#slots.set(name, { ...slot, used: false });
      else this.#bytes -= slot.bytes;
    }
  }
}
