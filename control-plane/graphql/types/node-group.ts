import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import type { NodeCondition, NodeNack } from '../../store/entities/node.ts';
import { connectionType } from './connection.ts';
import { SealKeyType } from './keys.ts';
import { DateTime, SafeInt } from './scalars.ts';
import { payloadType } from './user-error.ts';

@ObjectType('NodeGroup', {
  description:
    'Proxy nodes that serve the same organizations. A node belongs to the group of its token.',
})
export class NodeGroupType {
  @Field(() => ID, { description: 'Identifies the group.' })
  id!: string;

  @Field(() => String, {
    description: 'Name of the group, unique on the platform, in the form of a slug.',
  })
  name!: string;

  @Field(() => Boolean, {
    description: 'Whether its nodes serve every organization, also those created later.',
  })
  servesAllOrganizations!: boolean;

  @Field(() => [ID], {
    description: 'Organizations assigned to the group; without meaning while it serves all.',
  })
  organizationIds!: string[];

  @Field(() => [SealKeyType], {
    description: 'Keys that its nodes seal sessions with, oldest first, at most 12.',
  })
  sealKeys!: SealKeyType[];

  @Field(() => DateTime, { description: 'When it was created.' })
  createdAt!: Date;

  @Field(() => DateTime, { description: 'When it last changed.' })
  updatedAt!: Date;

  @Field(() => Int, {
    description: 'Counts changes; an update must name the version that it read.',
  })
  version!: number;
}

@ObjectType('NodeToken', {
  description:
    'The credential of one proxy node. Tokens of the same group and name speak for the same node, so that a token can be replaced while the node runs.',
})
class NodeTokenType {
  @Field(() => ID, { description: 'Identifies the token.' })
  id!: string;

  @Field(() => String, {
    description: 'Public id: 12 characters that stand at the token’s beginning.',
  })
  tokenId!: string;

  @Field(() => String, { description: 'Name of the node that the token speaks for.' })
  name!: string;

  @Field(() => ID, { description: 'The group that the node belongs to.' })
  nodeGroupId!: string;

  @Field(() => DateTime, { nullable: true, description: 'When it ends by itself; null: never.' })
  expiresAt!: Date | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'Since when it is revoked; null: it is not.',
  })
  revokedAt!: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'When a node last connected with it.' })
  lastUsedAt!: Date | null;

  @Field(() => DateTime, { description: 'When it was created.' })
  createdAt!: Date;

  @Field(() => Int, {
    description: 'Counts changes; an update must name the version that it read.',
  })
  version!: number;
}

@ObjectType('RejectedResource', { description: 'A resource that a node could not use.' })
class RejectedResourceType {
  @Field(() => String, { description: 'Type of the resource, such as `Server`.' })
  type!: string;

  @Field(() => String, { description: 'Name of the resource, unique in its type.' })
  name!: string;

  @Field(() => String, { description: 'Version that was rejected.' })
  version!: string;

  @Field(() => String, { description: 'Field inside the resource; empty for the whole.' })
  path!: string;

  @Field(() => String, { description: 'Why the node could not use it.' })
  message!: string;
}

@ObjectType('NodeNack', {
  description:
    'The last range of revisions that a node could not use in full. What it could use, it uses.',
})
class NodeNackType {
  @Field(() => DateTime, { description: 'When the node said so.' })
  at!: Date;

  @Field(() => SafeInt, { description: 'Last revision of the range.' })
  revision!: number;

  @Field(() => [RejectedResourceType], { description: 'What it could not use.' })
  rejected!: NodeNack['rejected'];
}

@ObjectType('NodeCondition', {
  description: 'Something about a node that an operator should know.',
})
class NodeConditionType {
  @Field(() => String, { description: 'Stable name, such as `epoch_changed`.' })
  type!: string;

  @Field(() => DateTime, { description: 'Since when it holds.' })
  since!: Date;

  @Field(() => String, { description: 'A sentence for people.' })
  message!: string;
}

@ObjectType('Node', {
  description:
    'A proxy node and how far it follows the configuration. Written in batches: up to a second old.',
})
export class NodeType {
  @Field(() => ID, { description: 'Identifies the node.' })
  id!: string;

  @Field(() => String, { description: 'Name of the node, unique in its group.' })
  name!: string;

  @Field(() => ID, { description: 'The group that it belongs to.' })
  nodeGroupId!: string;

  @Field(() => Boolean, { description: 'Whether its configuration stream is open.' })
  connected!: boolean;

  @Field(() => String, {
    nullable: true,
    description: 'Replica of the control plane that holds its stream.',
  })
  replica!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Identifies the running process; a restart changes it.',
  })
  instanceId!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Version of its software, as it says itself.',
  })
  build!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Address at which it serves agents, as it says itself; not verified.',
  })
  advertisedUrl!: string | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'Since when its stream is open, or was last.',
  })
  connectedAt!: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'When its stream last ended.' })
  disconnectedAt!: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'When it was last heard of.' })
  lastSeenAt!: Date | null;

  @Field(() => SafeInt, { description: 'Last revision that was sent to it whole.' })
  receivedRevision!: number;

  @Field(() => SafeInt, { description: 'Last revision that it enforces in full; 0: none yet.' })
  appliedRevision!: number;

  @Field(() => DateTime, { nullable: true, description: 'When it began to enforce that revision.' })
  appliedAt!: Date | null;

  @Field(() => SafeInt, {
    description: 'Revisions between the newest and the one that it enforces.',
  })
  lagRevisions!: number;

  @Field(() => SafeInt, {
    nullable: true,
    description:
      'Milliseconds since the oldest revision that it does not enforce yet was committed; 0 when it is up to date; null when that revision is no longer known.',
  })
  lagMs!: number | null;

  @Field(() => NodeNackType, {
    nullable: true,
    description: 'The last range that it could not use in full.',
  })
  lastNack!: NodeNack | null;

  @Field(() => [NodeConditionType], { description: 'What an operator should know about it.' })
  conditions!: readonly NodeCondition[];
}

@ObjectType('GroupRollout', { description: 'How a revision spread in one node group.' })
export class GroupRolloutType {
  @Field(() => ID, { description: 'The node group.' })
  nodeGroupId!: string;

  @Field(() => Int, { description: 'Nodes of the group that were connected.' })
  nodesExpected!: number;

  @Field(() => Int, { description: 'Nodes that enforce the revision or a later one.' })
  nodesApplied!: number;

  @Field(() => Int, { description: 'Nodes that could not use something in it.' })
  nodesRejected!: number;

  @Field(() => DateTime, { nullable: true, description: 'When the first node enforced it.' })
  firstAppliedAt!: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'When the last node so far enforced it.' })
  lastAppliedAt!: Date | null;
}

@ObjectType('Rollout', { description: 'How a revision spread over the nodes.' })
export class RolloutType {
  @Field(() => SafeInt, { description: 'The revision.' })
  revision!: number;

  @Field(() => DateTime, { description: 'When it was committed.' })
  committedAt!: Date;

  @Field(() => ID, {
    nullable: true,
    description: 'Organization that it belongs to; null: the platform.',
  })
  organizationId!: string | null;

  @Field(() => Int, { description: 'Nodes that were connected, over all groups.' })
  nodesExpected!: number;

  @Field(() => Int, { description: 'Nodes that enforce the revision or a later one.' })
  nodesApplied!: number;

  @Field(() => Int, { description: 'Nodes that could not use something in it.' })
  nodesRejected!: number;

  @Field(() => SafeInt, {
    nullable: true,
    description:
      'Milliseconds from the commit until the last node so far enforced it; null while none does.',
  })
  durationMs!: number | null;

  @Field(() => [GroupRolloutType], { description: 'The same for each node group.' })
  groups!: GroupRolloutType[];
}

@InputType('NodeFilter', {
  description: 'Which nodes to list; conditions are combined with “and”.',
})
export class NodeFilter {
  @Field(() => ID, { nullable: true, description: 'Only nodes of this group.' })
  nodeGroupId?: string | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Only nodes whose stream is open, or is not.',
  })
  connected?: boolean | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Only nodes whose last range was not used in full, or was.',
  })
  rejecting?: boolean | null;
}

@InputType('CreateNodeGroupInput', { description: 'A new node group.' })
export class CreateNodeGroupInput {
  @Field(() => String, { description: 'Name of the group, in the form of a slug.' })
  name!: string;

  @Field(() => Boolean, {
    defaultValue: false,
    description: 'Whether its nodes serve every organization.',
  })
  servesAllOrganizations!: boolean;

  @Field(() => [ID], {
    defaultValue: [],
    description: 'Organizations assigned to it, at most 1,000.',
  })
  organizationIds!: string[];
}

@InputType('UpdateNodeGroupInput', {
  description: 'Changes to a node group; what is left out stays.',
})
export class UpdateNodeGroupInput {
  @Field(() => ID, { description: 'The group.' })
  id!: string;

  @Field(() => Int, { description: 'The version that was read.' })
  version!: number;

  @Field(() => String, { nullable: true, description: 'New name.' })
  name?: string | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Whether its nodes serve every organization.',
  })
  servesAllOrganizations?: boolean | null;

  @Field(() => [ID], {
    nullable: true,
    description: 'All organizations assigned to it from now on.',
  })
  organizationIds?: string[] | null;
}

@InputType('CreateNodeTokenInput', { description: 'A new token for a proxy node.' })
export class CreateNodeTokenInput {
  @Field(() => ID, { description: 'The group that the node belongs to.' })
  nodeGroupId!: string;

  @Field(() => String, { description: 'Name of the node, in the form of a slug.' })
  name!: string;

  @Field(() => DateTime, { nullable: true, description: 'When it ends by itself; null: never.' })
  expiresAt?: Date | null;
}

@InputType('UpdateNodeTokenInput', { description: 'Changes to a node token.' })
export class UpdateNodeTokenInput {
  @Field(() => ID, { description: 'The token.' })
  id!: string;

  @Field(() => Int, { description: 'The version that was read.' })
  version!: number;

  @Field(() => DateTime, { nullable: true, description: 'When it ends by itself; null: never.' })
  expiresAt?: Date | null;
}

export const NodeGroupConnection = connectionType(
  'NodeGroup',
  () => NodeGroupType,
  'node groups, oldest first',
);
export const NodeTokenConnection = connectionType(
  'NodeToken',
  () => NodeTokenType,
  'node tokens, oldest first',
);
export const NodeConnection = connectionType('Node', () => NodeType, 'proxy nodes, oldest first');

export const NodeGroupPayload = payloadType(
  'NodeGroupPayload',
  'What became of a change to a node group.',
  {
    nodeGroup: { type: () => NodeGroupType, description: 'The group as it is now.' },
  },
);

export const NodeTokenPayload = payloadType(
  'NodeTokenPayload',
  'What became of a change to a node token.',
  {
    nodeToken: { type: () => NodeTokenType, description: 'The token’s record as it is now.' },
  },
);

export const CreateNodeTokenPayload = payloadType(
  'CreateNodeTokenPayload',
  'A new node token. Its text is shown here and never again.',
  {
    nodeToken: { type: () => NodeTokenType, description: 'The token’s record.' },
    token: {
      type: () => String,
      description: 'The token itself. Keep it: only its hash is stored.',
    },
  },
);
