import { LockMode } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { type AuditedFields, auditedChange, auditedFields } from '../audit/field-changes.ts';
import { findPage, oldestFirst } from '../input/find-page.ts';
import type { Page, PageRequest } from '../input/page.ts';
import { isUuid, validateSlug } from '../input/text-rules.ts';
import { orTaken } from '../input/unique-violation.ts';
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
import { NodeGroupOrganization } from '../store/entities/node-group-organization.ts';
import { NodeToken } from '../store/entities/node-token.ts';
import { Organization } from '../store/entities/organization.ts';
import type { MasterKeyRing } from '../store/master-key-ring.ts';
import type { Store } from '../store/store.ts';
import { uuidV7 } from '../store/uuid-v7.ts';
import { type SealKeyView, sealKeyViews } from './seal-key-views.ts';
import { addFirstSealKey } from './seal-keys.ts';

const nodeGroupBounds = { organizationsMax: 1000, groupsMax: 1000 } as const;

export interface NodeGroupDependencies {
  readonly store: Store;
  /** Wraps the seal key of a new group. */
  readonly masterKeys: MasterKeyRing;
}

/** A node group with the organizations assigned to it. */
export interface NodeGroupView {
  readonly id: string;
  readonly name: string;
  readonly servesAllOrganizations: boolean;
  readonly organizationIds: readonly string[];
  readonly sealKeys: readonly SealKeyView[];
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly version: number;
}

export interface NodeGroupFields {
  readonly name: string;
  readonly servesAllOrganizations: boolean;
  readonly organizationIds: readonly string[];
}

/** Everything that is wrong with a group's fields, as far as the input alone tells. */
function validateNodeGroup(fields: NodeGroupFields): Violation[] {
  const violations = validateSlug('name', fields.name);
  const { organizationsMax } = nodeGroupBounds;
  if (fields.organizationIds.length > organizationsMax) {
    const message = `A group has at most ${organizationsMax} organizations.`;
    return [...violations, violation('organizationIds', 'TOO_MANY', message)];
  }
  const seen = new Set<string>();
  for (const [index, id] of fields.organizationIds.entries()) {
    const path = `organizationIds.${index}`;
    if (!isUuid(id)) violations.push(notFound(path, 'organization'));
    if (seen.has(id)) {
      violations.push(violation(path, 'DUPLICATE', 'The organization stands in the list already.'));
    }
    seen.add(id);
  }
  return violations;
}

async function views(em: EntityManager, groups: readonly NodeGroup[]): Promise<NodeGroupView[]> {
  const nodeGroupId = { $in: groups.map(({ id }) => id) };
  const assigned = await em.find(
    NodeGroupOrganization,
    { nodeGroupId },
    { orderBy: { organizationId: 'asc' } },
  );
  const rings = await sealKeyViews(em, nodeGroupId.$in);
  return groups.map((group) => ({
    id: group.id,
    name: group.name,
    servesAllOrganizations: group.servesAllOrganizations,
    organizationIds: assigned
      .filter((row) => row.nodeGroupId === group.id)
      .map((row) => row.organizationId),
    sealKeys: rings.get(group.id) ?? [],
    createdAt: group.createdAt,
    updatedAt: group.updatedAt,
    version: group.version,
  }));
}

async function viewOf(em: EntityManager, group: NodeGroup): Promise<NodeGroupView> {
  const [found] = await views(em, [group]);
  if (found === undefined) throw new Error('A node group that was read has no view.');
  return found;
}

export function listNodeGroups(store: Store, page: PageRequest): Promise<Page<NodeGroupView>> {
  return store.withPlatform(async (em) => {
    const groups = await findPage(em, NodeGroup, {}, oldestFirst, page);
    return { ...groups, items: await views(em, groups.items) };
  });
}

export async function findNodeGroup(store: Store, id: string): Promise<NodeGroupView | null> {
  if (!isUuid(id)) return null;
  return store.withPlatform(async (em) => {
    const group = await em.findOne(NodeGroup, { id });
    return group === null ? null : viewOf(em, group);
  });
}

/** Makes a group's assignments those given. */
async function assign(
  em: EntityManager,
  group: NodeGroup,
  organizationIds: readonly string[],
): Promise<Violation[]> {
  const found = await em.find(
    Organization,
    { id: { $in: [...organizationIds] } },
    { fields: ['id'] },
  );
  const known = new Set(found.map(({ id }) => id));
  const violations = organizationIds.flatMap((id, index) =>
    known.has(id) ? [] : [notFound(`organizationIds.${index}`, 'organization')],
  );
  if (violations.length > 0) return violations;
  await em.nativeDelete(NodeGroupOrganization, { nodeGroupId: group.id });
  for (const organizationId of organizationIds) {
    em.create(NodeGroupOrganization, { nodeGroupId: group.id, organizationId });
  }
  return [];
}

function audited(group: NodeGroupView): AuditedFields {
  return auditedFields(group, ['name', 'servesAllOrganizations', 'organizationIds']);
}

async function commitGroup(
  em: EntityManager,
  actor: AuditEvent['actor'],
  before: NodeGroupView | null,
  group: NodeGroupView,
): Promise<void> {
  await commitChange(em, {
    organizationId: null,
    actor,
    action: before === null ? 'node_group.create' : 'node_group.update',
    target: { type: 'node_group', id: group.id, label: group.name },
    ...auditedChange(before && audited(before), audited(group)),
    resources: [
      { kind: 'node_group', id: group.id },
      ...(before === null ? [{ kind: 'seal_keys', id: group.id } as const] : []),
    ],
  });
}

const taken = { node_groups_name_key: 'name' };

/** Undoes what the transaction wrote and answers with what was wrong. */
class Refused extends Error {
  readonly violations: readonly Violation[];

  constructor(violations: readonly Violation[]) {
    super('The input was refused.');
    this.violations = violations;
  }
}

async function orRefused<T>(write: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
  try {
    return await orTaken(taken, write);
  } catch (error) {
    if (error instanceof Refused) return { ok: false, violations: error.violations };
    throw error;
  }
}

/** Creates a group with its first seal key, without which its nodes would serve nothing. */
export async function createNodeGroup(
  { store, masterKeys }: NodeGroupDependencies,
  actor: AuditEvent['actor'],
  input: NodeGroupFields,
): Promise<Outcome<NodeGroupView>> {
  const violations = validateNodeGroup(input);
  if (violations.length > 0) return { ok: false, violations };
  return orRefused(() =>
    store.withPlatform(async (em) => {
      if ((await em.count(NodeGroup, {})) >= nodeGroupBounds.groupsMax) {
        const text = `There are at most ${nodeGroupBounds.groupsMax} node groups.`;
        return refused(violation('', 'TOO_MANY', text));
      }
      const { name, servesAllOrganizations, organizationIds } = input;
      const group = em.create(NodeGroup, { id: uuidV7(), name, servesAllOrganizations });
      await em.flush();
      const unknown = await assign(em, group, organizationIds);
      if (unknown.length > 0) throw new Refused(unknown);
      addFirstSealKey(em, masterKeys, group.id);
      await em.flush();
      const after = await viewOf(em, group);
      await commitGroup(em, actor, null, after);
      return done(after);
    }),
  );
}

export interface NodeGroupVersion {
  readonly id: string;
  readonly version: number;
}

export interface NodeGroupChanges extends NodeGroupVersion {
  readonly name?: string | null | undefined;
  readonly servesAllOrganizations?: boolean | null | undefined;
  readonly organizationIds?: readonly string[] | null | undefined;
}

async function lockGroup(em: EntityManager, input: NodeGroupVersion): Promise<Outcome<NodeGroup>> {
  if (!isUuid(input.id)) return refused(notFound('id', 'node group'));
  const group = await em.findOne(
    NodeGroup,
    { id: input.id },
    { lockMode: LockMode.PESSIMISTIC_WRITE },
  );
  if (group === null) return refused(notFound('id', 'node group'));
  return group.version === input.version ? done(group) : refused(versionConflict());
}

/** Changes a group; what is undefined or null stays. */
export async function updateNodeGroup(
  store: Store,
  actor: AuditEvent['actor'],
  input: NodeGroupChanges,
): Promise<Outcome<NodeGroupView>> {
  return orRefused(() =>
    store.withPlatform(async (em) => {
      const locked = await lockGroup(em, input);
      if (!locked.ok) return locked;
      const group = locked.value;
      const before = await viewOf(em, group);
      const fields = {
        name: input.name ?? before.name,
        servesAllOrganizations: input.servesAllOrganizations ?? before.servesAllOrganizations,
        organizationIds: input.organizationIds ?? before.organizationIds,
      };
      const violations = validateNodeGroup(fields);
      if (violations.length > 0) return { ok: false, violations };
      group.name = fields.name;
      group.servesAllOrganizations = fields.servesAllOrganizations;
      // Also when only the assignments change: the group's version counts those too.
      group.updatedAt = new Date();
      if (input.organizationIds) {
        const unknown = await assign(em, group, fields.organizationIds);
        if (unknown.length > 0) throw new Refused(unknown);
      }
      await em.flush();
      const after = await viewOf(em, group);
      await commitGroup(em, actor, before, after);
      return done(after);
    }),
  );
}

/**
 * Deletes a group with its nodes' records, its sealing keys and its tokens that have ended. A group whose
 * tokens can still be used is refused: its nodes would lose their configuration.
 */
export async function deleteNodeGroup(
  store: Store,
  actor: AuditEvent['actor'],
  input: NodeGroupVersion,
  nowMs: number,
): Promise<Outcome<{ readonly id: string }>> {
  return store.withPlatform(async (em) => {
    const locked = await lockGroup(em, input);
    if (!locked.ok) return locked;
    const { id, name } = locked.value;
    const usable = await em.count(NodeToken, {
      nodeGroupId: id,
      revokedAt: null,
      $or: [{ expiresAt: null }, { expiresAt: { $gt: new Date(nowMs) } }],
    });
    if (usable > 0) {
      return refused(violation('id', 'IN_USE', `Revoke the group’s ${usable} node tokens first.`));
    }
    const before = await viewOf(em, locked.value);
    await em.nativeDelete(NodeGroup, { id });
    await commitChange(em, {
      organizationId: null,
      actor,
      action: 'node_group.delete',
      target: { type: 'node_group', id, label: name },
      ...auditedChange(audited(before), null),
      resources: [
        { kind: 'node_group', id },
        { kind: 'seal_keys', id },
      ],
    });
    return done({ id });
  });
}
