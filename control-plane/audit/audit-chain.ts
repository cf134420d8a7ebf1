import { createHash, timingSafeEqual } from 'node:crypto';
import { canonicalJson, type JsonObject, type JsonValue } from './canonical-json.ts';

/** Chain of what belongs to no organization. */
export const platformChainId = '00000000-0000-0000-0000-000000000000';

/** Previous hash of a chain's first entry. */
export const genesisHash: Buffer = Buffer.alloc(32);

export type ActorKind = 'user' | 'service' | 'system';

/** What an entry's hash covers. Erasable fields are covered by their commitments only. */
export interface AuditEntry {
  /** The organization's id, or `platformChainId`. */
  readonly chainId: string;
  /** From 1, without gaps. */
  readonly sequence: number;
  readonly id: string;
  readonly revision: number | null;
  /** Whole milliseconds. */
  readonly at: Date;
  readonly action: string;
  readonly actorKind: ActorKind;
  readonly actorId: string;
  readonly actorLabelCommitment: Uint8Array;
  readonly targetType: string;
  readonly targetId: string;
  readonly targetLabelCommitment: Uint8Array;
  readonly details: JsonObject;
  readonly privateDetailsCommitment: Uint8Array;
  readonly previousHash: Uint8Array;
}

/** An entry as it is stored. */
export interface StoredAuditEntry extends AuditEntry {
  readonly hash: Uint8Array;
  /** Null once erased, as is its salt. */
  readonly actorLabel: string | null;
  readonly actorLabelSalt: Uint8Array | null;
  readonly targetLabel: string | null;
  readonly targetLabelSalt: Uint8Array | null;
  readonly privateDetails: JsonObject | null;
  readonly privateDetailsSalt: Uint8Array | null;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/**
 * Commits to a value that may be erased later: SHA-256(salt ‖ canonical JSON). Without the salt, which is
 * erased with the value, the commitment tells nothing of it, however few values are likely.
 */
export function commitment(salt: Uint8Array, value: JsonValue): Buffer {
  return createHash('sha256').update(salt).update(canonicalJson(value)).digest();
}

/** SHA-256 over the canonical JSON of an entry, the previous entry's hash included. */
export function auditEntryHash(entry: AuditEntry): Buffer {
  const covered = canonicalJson({
    format: 1,
    chainId: entry.chainId,
    sequence: entry.sequence,
    id: entry.id,
    revision: entry.revision,
    at: entry.at.toISOString(),
    action: entry.action,
    actor: {
      kind: entry.actorKind,
      id: entry.actorId,
      label: hex(entry.actorLabelCommitment),
    },
    target: {
      type: entry.targetType,
      id: entry.targetId,
      label: hex(entry.targetLabelCommitment),
    },
    details: entry.details,
    privateDetails: hex(entry.privateDetailsCommitment),
    previousHash: hex(entry.previousHash),
  });
  return createHash('sha256').update(covered).digest();
}

/** Last entry of a chain, as far as it has been checked. */
export interface AuditChainHead {
  readonly sequence: number;
  readonly hash: Uint8Array;
}

export type AuditProblem =
  /** An entry of another chain. */
  | 'foreign_entry'
  /** The entry before this one is missing, or this one was inserted or moved. */
  | 'sequence_broken'
  | 'previous_hash_differs'
  | 'hash_differs'
  /** A label or detail is not what was committed to. */
  | 'commitment_differs'
  /** Entries are missing at the end, or the head was changed. */
  | 'head_differs';

export type AuditVerification =
  | { readonly ok: true; readonly head: AuditChainHead }
  | { readonly ok: false; readonly sequence: number; readonly problem: AuditProblem };

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

function commits(committed: Uint8Array, salt: Uint8Array | null, value: JsonValue): boolean {
  // Erased: the salt went with the value, and nothing is left to compare.
  if (salt === null) return value === null;
  return equal(committed, commitment(salt, value));
}

function entryProblem(entry: StoredAuditEntry, previous: AuditChainHead): AuditProblem | undefined {
  if (entry.sequence !== previous.sequence + 1) return 'sequence_broken';
  if (!equal(entry.previousHash, previous.hash)) return 'previous_hash_differs';
  if (!equal(entry.hash, auditEntryHash(entry))) return 'hash_differs';
  const committed =
    commits(entry.actorLabelCommitment, entry.actorLabelSalt, entry.actorLabel) &&
    commits(entry.targetLabelCommitment, entry.targetLabelSalt, entry.targetLabel) &&
    commits(entry.privateDetailsCommitment, entry.privateDetailsSalt, entry.privateDetails);
  return committed ? undefined : 'commitment_differs';
}

/**
 * Checks a chain's entries in the order of their sequence and names the first that doesn't hold: a
 * changed, removed, inserted or reordered one. Goes on from `after` when an earlier part was checked
 * before, and compares the end with `head` when it is given: without it, a cut tail looks like an end.
 */
export async function verifyAuditChain(
  chainId: string,
  entries: Iterable<StoredAuditEntry> | AsyncIterable<StoredAuditEntry>,
  options: { readonly after?: AuditChainHead; readonly head?: AuditChainHead } = {},
): Promise<AuditVerification> {
  let last: AuditChainHead = options.after ?? { sequence: 0, hash: genesisHash };
  for await (const entry of entries) {
    const problem = entry.chainId === chainId ? entryProblem(entry, last) : 'foreign_entry';
    if (problem !== undefined) return { ok: false, sequence: entry.sequence, problem };
    last = { sequence: entry.sequence, hash: entry.hash };
  }
  const { head } = options;
  if (head !== undefined && !(head.sequence === last.sequence && equal(head.hash, last.hash))) {
    return { ok: false, sequence: last.sequence + 1, problem: 'head_differs' };
  }
  return { ok: true, head: last };
}
