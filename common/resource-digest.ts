import { hash } from 'node:crypto';

const modulus = 1n << 256n;

function element(name: string, version: string): bigint {
  return BigInt(`0x${hash('sha256', `${name}\0${version}`)}`);
}

/**
 * Digest of a set of (name, version) pairs that can be kept up to date pair by pair: the sum modulo
 * 2^256 of SHA-256(name NUL version) (AdHash: Bellare and Micciancio, "A New Paradigm for
 * Collision-Free Hashing", 1997). Both planes compute it, and a difference means that their sets differ.
 */
export class ResourceDigest {
  #sum = 0n;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(name: string, version: string): void {
    this.#sum = (this.#sum + element(name, version)) % modulus;
    this.#count += 1;
  }

  remove(name: string, version: string): void {
    this.#sum = (this.#sum - element(name, version) + modulus) % modulus;
    this.#count -= 1;
  }

  /** 32 bytes, big-endian. */
  bytes(): Buffer {
    return Buffer.from(this.#sum.toString(16).padStart(64, '0'), 'hex');
  }

  clone(): ResourceDigest {
    const copy = new ResourceDigest();
    copy.#sum = this.#sum;
    copy.#count = this.#count;
    return copy;
  }
}
