/** Values made from a text, kept while they are used: the longest unused goes first. */
export class BoundedCache<Value> {
  readonly #values = new Map<string, Value>();
  readonly #entriesMax: number;
  readonly #make: (key: string) => Value;

  constructor(entriesMax: number, make: (key: string) => Value) {
    this.#entriesMax = entriesMax;
    this.#make = make;
  }

  /** What `make` throws is thrown, and kept out. */
  get(key: string): Value {
    const known = this.#values.get(key);
    if (known !== undefined) {
      if (this.#values.size >= this.#entriesMax) {
        this.#values.delete(key);
        this.#values.set(key, known);
      }
      return known;
    }
    const made = this.#make(key);
    this.#values.set(key, made);
    const oldest = this.#values.keys().next().value;
    if (this.#values.size > this.#entriesMax && oldest !== undefined) this.#values.delete(oldest);
    return made;
  }
}
