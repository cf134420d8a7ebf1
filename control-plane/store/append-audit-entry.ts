import { randomBytes } from 'node:crypto';
import type { EntityManager } from '@mikro-orm/postgresql';
import {
  type ActorKind,
  type AuditEntry,
  auditEntryHash,
  commitment,
  genesisHash,
  platformChainId,
} from '../audit/audit-chain.ts';
import { type JsonObject, storableJson, storableText } from '../audit/canonical-json.ts';
import { channels } from './notify.ts';
import { lockUntilCommit } from './transaction-locks.ts';
import { uuidV7 } from './uuid-v7.ts';

/** Who does something, and from where. */
export interface AuditActor {
  readonly kind: ActorKind;
  readonly id: string;
  /** Name or e-mail as it was then. May be erased later. */
  readonly label?: string;
  /** Address of the request's client, as the server sees it. May be erased later. */
  readonly clientAddress?: string;
  /** Which of the actor's credentials was used: the id of a session or of an API key, never a secret. */
  readonly credential?: { readonly kind: 'session' | 'api_key'; readonly id: string };
}

/** Who did what to what. */
export interface AuditEvent {
  /** Whose chain it belongs to; null: the platform's. */
  readonly organizationId: string | null;
  readonly actor: AuditActor;
  /** Noun and verb, such as `server.update`. */
  readonly action: string;
  readonly target: {
    readonly type: string;
    readonly id: string;
    /** May be erased later. */
    readonly label?: string;
  };
  /** Kept for good: no secrets and nothing personal. */
  readonly details?: JsonObject;
  /** What may be erased later: addresses, names, e-mails. No secrets either. */
  readonly privateDetails?: JsonObject;
}

const saltBytes = 16;

/** Position of a written entry. */
export interface AppendedEntry {
  readonly chainId: string;
  readonly sequence: number;
  readonly at: Date;
}

interface ChainHeadRow {
  readonly sequence: string | null;
  readonly hash: Buffer | null;
  readonly now_ms: string;
}

// The clock is read under the lock: times then follow the sequence, whichever process writes.
const headQuery = `
select c.sequence, c.hash, floor(extract(epoch from clock_timestamp()) * 1000)::bigint as now_ms
from (select) as one left join audit_chains c on c.chain_id = ?`;

/** Facts about the actor stand beside those of the event: no column is needed, and the hash covers them. */
function detailsOf({ details, actor }: AuditEvent): JsonObject {
  const { credential } = actor;
  return { ...details, ...(credential && { credential: { ...credential } }) };
}

function privateDetailsOf({ privateDetails, actor }: AuditEvent): JsonObject | undefined {
  const { clientAddress } = actor;
  if (clientAddress === undefined) return privateDetails;
  return { ...privateDetails, clientAddress };
}

function erasable(value: string | JsonObject | undefined) {
  const salt = randomBytes(saltBytes);
  const stored = storableJson(value ?? null);
  return { stored, salt, commitment: commitment(salt, stored) };
}

/**
 * Appends to a hash chain under the chain's lock, which holds until the commit.
 * @param revision the revision of the change, or null when there is none.
 */
export async function appendAuditEntry(
  em: EntityManager,
  event: AuditEvent,
  revision: number | null,
): Promise<AppendedEntry> {
  const chainId = event.organizationId ?? platformChainId;
  await lockUntilCommit(em, 'auditChain', chainId);
  const [head] = await em.execute<ChainHeadRow[]>(headQuery, [chainId]);
  if (head === undefined) throw new Error('The audit chain could not be read.');

  const actorLabel = erasable(event.actor.label);
  const targetLabel = erasable(event.target.label);
  const privateDetails = erasable(privateDetailsOf(event));
  const entry: AuditEntry = {
    chainId,
    sequence: Number(head.sequence ?? 0) + 1,
    id: uuidV7(Number(head.now_ms)),
    revision,
    at: new Date(Number(head.now_ms)),
    action: storableText(event.action),
    actorKind: event.actor.kind,
    actorId: storableText(event.actor.id),
    actorLabelCommitment: actorLabel.commitment,
    targetType: storableText(event.target.type),
    targetId: storableText(event.target.id),
    targetLabelCommitment: targetLabel.commitment,
    details: storableJson(detailsOf(event)),
    privateDetailsCommitment: privateDetails.commitment,
    previousHash: head.hash ?? genesisHash,
  };
  const hash = auditEntryHash(entry);
  await em.execute(
    `with head as (
       insert into audit_chains (chain_id, organization_id, sequence, hash) values (?, ?, ?, ?)
       on conflict (chain_id) do update set sequence = excluded.sequence, hash = excluded.hash),
     entry as (insert into audit_logs (chain_id, sequence, id, organization_id, revision, at, action,
       actor_kind, actor_id, actor_label, actor_label_salt, actor_label_commitment,
       target_type, target_id, target_label, target_label_salt, target_label_commitment,
       details, private_details, private_details_salt, private_details_commitment,
       previous_hash, hash)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?::jsonb, ?::jsonb, ?, ?, ?, ?))
     select pg_notify('${channels.audit}', ?)`,
    [
      ...[chainId, event.organizationId, entry.sequence, hash],
      ...[chainId, entry.sequence, entry.id, event.organizationId, revision, entry.at],
      ...[entry.action, entry.actorKind, entry.actorId],
      ...[actorLabel.stored, actorLabel.salt, actorLabel.commitment],
      ...[entry.targetType, entry.targetId],
      ...[targetLabel.stored, targetLabel.salt, targetLabel.commitment],
      JSON.stringify(entry.details),
      privateDetails.stored === null ? null : JSON.stringify(privateDetails.stored),
      ...[privateDetails.salt, privateDetails.commitment],
      ...[entry.previousHash, hash],
      chainId,
    ],
  );
  return { chainId, sequence: entry.sequence, at: entry.at };
}
