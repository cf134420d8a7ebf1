import { LockMode } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { newCredential } from '../../common/credential.ts';
import { type AuditedFields, auditedChange, auditedFields } from '../audit/field-changes.ts';
import { findPage, oldestFirst } from '../input/find-page.ts';
import type { Page, PageRequest } from '../input/page.ts';
import { isUuid, validateSlug } from '../input/text-rules.ts';
import {
  done,
  notFound,
  type Outcome,
  refused,
  type Violation,
  versionConflict,
  violation,
} from '../input/violation.ts';
import type { AuditEvent } from '../store/append-audit-entry.ts';
import { commitChange } from '../store/commit-change.ts';
import { NodeGroup } from '../store/entities/node-group.ts';
import { NodeToken } from '../store/entities/node-token.ts';
import type { Store } from '../store/store.ts';
import { uuidV7 } from '../store/uuid-v7.ts';

type Actor = AuditEvent['actor'];

/** Tokens, ended ones included, that one group holds. */
const nodeTokensMax = 10_000;

export interface NewNodeToken {
  readonly nodeGroupId: string;
  /** Name of the node, as a slug. */
  readonly name: string;
  readonly expiresAt?: Date | null | undefined;
}

function validateExpiry(expiresAt: Date | null | undefined, nowMs: number): Violation[] {
  if (expiresAt === null || expiresAt === undefined || expiresAt.getTime() > nowMs) return [];
  return [violation('expiresAt', 'OUT_OF_RANGE', 'This time is past.')];
}

/** Everything that is wrong with a new token, as far as the input alone tells. */
function validateNewNodeToken(input: NewNodeToken, nowMs: number): Violation[] {
  return [
    ...(isUuid(input.nodeGroupId) ? [] : [notFound('nodeGroupId', 'node group')]),
    ...validateSlug('name', input.name),
    ...validateExpiry(input.expiresAt, nowMs),
  ];
}

export function listNodeTokens(
  store: Store,
  filter: { readonly nodeGroupId?: string | null | undefined },
  page: PageRequest,
): Promise<Page<NodeToken>> {
  const { nodeGroupId } = filter;
  const unknown = typeof nodeGroupId === 'string' && !isUuid(nodeGroupId);
  if (unknown) return Promise.resolve({ items: [], hasNextPage: false, hasPreviousPage: false });
  return store.withPlatform((em) =>
    findPage(em, NodeToken, nodeGroupId ? { nodeGroupId } : {}, oldestFirst, page),
  );
}

function audited(nodeToken: NodeToken): AuditedFields {
  return auditedFields(nodeToken, ['name', 'nodeGroupId', 'expiresAt', 'revokedAt']);
}

async function commitToken(
  em: EntityManager,
  actor: Actor,
  nodeToken: NodeToken,
  verb: 'create' | 'update' | 'revoke' | 'delete',
  before: AuditedFields | null,
): Promise<Outcome<NodeToken>> {
  const after = verb === 'delete' ? null : audited(nodeToken);
  await commitChange(em, {
    organizationId: null,
    actor,
    action: `node_token.${verb}`,
    target: { type: 'node_token', id: nodeToken.id, label: nodeToken.name },
    ...auditedChange(before, after, { tokenId: nodeToken.tokenId }),
    resources: [{ kind: 'node_token', id: nodeToken.id }],
  });
  return done(nodeToken);
}

/** A new token's record, with the token itself, which is stored nowhere. */
export interface CreatedNodeToken {
  readonly nodeToken: NodeToken;
  readonly token: string;
}

export async function createNodeToken(
  store: Store,
  actor: Actor,
  input: NewNodeToken,
  nowMs: number,
): Promise<Outcome<CreatedNodeToken>> {
  const violations = validateNewNodeToken(input, nowMs);
  if (violations.length > 0) return { ok: false, violations };
  const { nodeGroupId, name } = input;
  return store.withPlatform(async (em) => {
    const group = await em.findOne(NodeGroup, { id: nodeGroupId });
    if (group === null) return refused(notFound('nodeGroupId', 'node group'));
    if ((await em.count(NodeToken, { nodeGroupId })) >= nodeTokensMax) {
      const text = `A group has at most ${nodeTokensMax} tokens.`;
      return refused(violation('nodeGroupId', 'TOO_MANY', text));
    }
    const credential = newCredential('nodeToken');
    const nodeToken = em.create(NodeToken, {
      id: uuidV7(),
      tokenId: credential.id,
      tokenHash: credential.hash,
      nodeGroupId,
      name,
      expiresAt: input.expiresAt ?? null,
      revokedAt: null,
      lastUsedAt: null,
    });
    await commitToken(em, actor, nodeToken, 'create', null);
    return done({ nodeToken, token: credential.text });
  });
}

export interface NodeTokenVersion {
  readonly id: string;
  readonly version: number;
}

async function lockToken(em: EntityManager, input: NodeTokenVersion): Promise<Outcome<NodeToken>> {
  if (!isUuid(input.id)) return refused(notFound('id', 'node token'));
  const nodeToken = await em.findOne(
    NodeToken,
    { id: input.id },
    { lockMode: LockMode.PESSIMISTIC_WRITE },
  );
  if (nodeToken === null) return refused(notFound('id', 'node token'));
  return nodeToken.version === input.version ? done(nodeToken) : refused(versionConflict());
}

/** Sets when a token ends; null: never. A revoked token stays revoked. */
export async function updateNodeToken(
  store: Store,
  actor: Actor,
  input: NodeTokenVersion & { readonly expiresAt?: Date | null | undefined },
  nowMs: number,
): Promise<Outcome<NodeToken>> {
  const violations = validateExpiry(input.expiresAt, nowMs);
  if (violations.length > 0) return { ok: false, violations };
  return store.withPlatform(async (em) => {
    const locked = await lockToken(em, input);
    if (!locked.ok) return locked;
    const before = audited(locked.value);
    if (input.expiresAt !== undefined) locked.value.expiresAt = input.expiresAt;
    return commitToken(em, actor, locked.value, 'update', before);
  });
}

/** Ends a token, and the streams that were opened with it, at once; its record stays. */
export async function revokeNodeToken(
  store: Store,
  actor: Actor,
  input: NodeTokenVersion,
  nowMs: number,
): Promise<Outcome<NodeToken>> {
  return store.withPlatform(async (em) => {
    const locked = await lockToken(em, input);
    if (!locked.ok) return locked;
    const before = audited(locked.value);
    locked.value.revokedAt ??= new Date(nowMs);
    return commitToken(em, actor, locked.value, 'revoke', before);
  });
}

/** Ends a token at once and removes its record. */
export async function deleteNodeToken(
  store: Store,
  actor: Actor,
  input: NodeTokenVersion,
): Promise<Outcome<NodeToken>> {
  return store.withPlatform(async (em) => {
    const locked = await lockToken(em, input);
    if (!locked.ok) return locked;
    em.remove(locked.value);
    return commitToken(em, actor, locked.value, 'delete', audited(locked.value));
  });
}
