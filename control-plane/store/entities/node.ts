import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

/** The last range that a node could not use in full. */
export interface NodeNack {
  readonly at: string;
  readonly revision: number;
  readonly rejected: readonly {
    readonly type: string;
    readonly name: string;
    readonly version: string;
    readonly path: string;
    readonly message: string;
  }[];
}

/** Something about a node that an operator should know, such as `epoch_changed`. */
export interface NodeCondition {
  readonly type: string;
  readonly since: string;
  readonly message: string;
}

/** What is known of a node; written by whichever replica holds its stream. */
export const Node = defineEntity({
  name: 'Node',
  tableName: 'nodes',
  properties: {
    id: p.uuid().primary(),
    nodeGroupId: p.uuid(),
    name: p.text(),
    nodeTokenId: p.uuid().strictNullable(),
    /** The running process. */
    instanceId: p.text().strictNullable(),
    build: p.text().strictNullable(),
    /** What the node says of itself; not trusted. */
    advertisedUrl: p.text().strictNullable(),
    connected: p.boolean().default(false),
    /** Replica of the control plane that holds its stream. */
    replica: p.text().strictNullable(),
    connectedAt: p.datetime(3).strictNullable(),
    disconnectedAt: p.datetime(3).strictNullable(),
    lastSeenAt: p.datetime(3).strictNullable(),
    receivedRevision: p.bigint('number').default(0),
    appliedRevision: p.bigint('number').default(0),
    appliedAt: p.datetime(3).strictNullable(),
    lagMs: p.bigint('number').strictNullable(),
    lastNack: p.json<NodeNack>().strictNullable(),
    conditions: p.json<readonly NodeCondition[]>().onCreate(() => []),
    createdAt: p.datetime(3).onCreate(() => new Date()),
    updatedAt: p
      .datetime(3)
      .onCreate(() => new Date())
      .onUpdate(() => new Date()),
  },
});
export type Node = InferEntity<typeof Node>;
