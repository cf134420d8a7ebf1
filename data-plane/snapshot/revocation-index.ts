import { PersistentMap, type PersistentMapEditor } from './persistent-map.ts';
import type { RevocableToken, RevocationEntry, RevokedTokens } from './revocation.ts';

type Entries = readonly RevocationEntry[];

/** An organization's own: what one organization revokes says nothing about another's tokens. */
function keyOf(organizationId: string, kind: RevokedTokens['kind'], text: string): string {
  return `${kind}/${organizationId}/${text}`;
}

function keyOfEntry({ organizationId, tokens }: RevocationEntry): string {
  switch (tokens.kind) {
    case 'subject':
      return keyOf(organizationId, tokens.kind, tokens.subject);
    case 'token':
      return keyOf(organizationId, tokens.kind, tokens.tokenId);
    case 'session':
      return keyOf(organizationId, tokens.kind, tokens.sessionId);
  }
}

function covers({ tokens, expiresAtMs }: RevocationEntry, issuedAtMs: number, nowMs: number) {
  if (expiresAtMs <= nowMs) return false;
  return tokens.kind !== 'subject' || issuedAtMs < tokens.issuedBeforeMs;
}

/** Which access tokens have been revoked. Immutable. */
export class RevocationIndex {
  readonly #entries: PersistentMap<Entries>;

  constructor(entries: PersistentMap<Entries> = PersistentMap.empty()) {
    this.#entries = entries;
  }

  /** Whether a token may no longer be used, by the node's wall clock. Costs nothing while nothing is revoked. */
  covers(token: RevocableToken, nowMs: number): boolean {
    if (this.#entries.size === 0) return false;
    const { organizationId, subject, tokenId, sessionId } = token;
    return (
      this.#matches(keyOf(organizationId, 'subject', subject), token, nowMs) ||
      (sessionId !== undefined &&
        this.#matches(keyOf(organizationId, 'session', sessionId), token, nowMs)) ||
      (tokenId !== undefined &&
        this.#matches(keyOf(organizationId, 'token', tokenId), token, nowMs))
    );
  }

  edit(): RevocationIndexEditor {
    return new RevocationIndexEditor(this, this.#entries.edit());
  }

  #matches(key: string, { issuedAtMs }: RevocableToken, nowMs: number): boolean {
    return this.#entries.get(key)?.some((entry) => covers(entry, issuedAtMs, nowMs)) ?? false;
  }
}

export class RevocationIndexEditor {
  readonly #original: RevocationIndex;
  readonly #entries: PersistentMapEditor<Entries>;
  #changed = false;

  constructor(original: RevocationIndex, entries: PersistentMapEditor<Entries>) {
    this.#original = original;
    this.#entries = entries;
  }

  add(entry: RevocationEntry): void {
    this.#changed = true;
    this.#entries.set(keyOfEntry(entry), [...this.#others(entry), entry]);
  }

  remove(entry: RevocationEntry): void {
    this.#changed = true;
    const others = this.#others(entry);
    if (others.length === 0) this.#entries.delete(keyOfEntry(entry));
    else this.#entries.set(keyOfEntry(entry), others);
  }

  finish(): RevocationIndex {
    return this.#changed ? new RevocationIndex(this.#entries.finish()) : this.#original;
  }

  #others(entry: RevocationEntry): RevocationEntry[] {
    return (this.#entries.get(keyOfEntry(entry)) ?? []).filter(({ id }) => id !== entry.id);
  }
}
