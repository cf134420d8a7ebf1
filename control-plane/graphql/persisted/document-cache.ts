export interface DocumentCacheBounds {
  readonly persistedDocumentsMax: number;
  /** Over all documents. */
  readonly persistedCharactersMax: number;
}

/** Documents by their hash, in memory; the one used longest ago goes first when there is no room. */
export class DocumentCache {
  readonly #bounds: DocumentCacheBounds;
  /** In the order of their last use. */
  readonly #documents = new Map<string, string>();
  #characters = 0;

  constructor(bounds: DocumentCacheBounds) {
    this.#bounds = bounds;
  }

  get(hash: string): string | undefined {
    const document = this.#documents.get(hash);
    if (document === undefined) return undefined;
    this.#documents.delete(hash);
    this.#documents.set(hash, document);
    return document;
  }

  set(hash: string, document: string): void {
    const { persistedDocumentsMax: documentsMax, persistedCharactersMax: charactersMax } =
      this.#bounds;
    if (this.#documents.has(hash) || document.length > charactersMax) return;
    this.#documents.set(hash, document);
    this.#characters += document.length;
    for (const [oldest, text] of this.#documents) {
      if (this.#documents.size <= documentsMax && this.#characters <= charactersMax) return;
      this.#documents.delete(oldest);
      this.#characters -= text.length;
    }
  }
}
