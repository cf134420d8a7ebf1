import { ArgsType, type ClassType, Field, Int, ObjectType } from 'type-graphql';
import type { Page } from '../../input/page.ts';
import { encodeCursor } from '../../input/page.ts';

@ObjectType('PageInfo', {
  description: 'Where a page lies in its connection (Relay Cursor Connections Specification).',
})
export class PageInfoType {
  @Field(() => Boolean, { description: 'Whether items follow after `endCursor`.' })
  hasNextPage!: boolean;

  @Field(() => Boolean, { description: 'Whether items stand before `startCursor`.' })
  hasPreviousPage!: boolean;

  @Field(() => String, {
    nullable: true,
    description: 'Cursor of the first item, for `before`; null when the page is empty.',
  })
  startCursor!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Cursor of the last item, for `after`; null when the page is empty.',
  })
  endCursor!: string | null;
}

@ArgsType()
export class PageArgs {
  @Field(() => Int, {
    nullable: true,
    description:
      'Size of a page taken from the beginning, or from after `after`; at most 100 by default.',
  })
  first?: number | null;

  @Field(() => String, { nullable: true, description: 'Take the items after this cursor.' })
  after?: string | null;

  @Field(() => Int, {
    nullable: true,
    description:
      'Size of a page taken from the end, or from before `before`; at most 100 by default.',
  })
  last?: number | null;

  @Field(() => String, { nullable: true, description: 'Take the items before this cursor.' })
  before?: string | null;
}

/** What a connection's resolver returns. */
export interface ConnectionValue<T> {
  readonly edges: readonly { readonly cursor: string; readonly node: T }[];
  readonly nodes: readonly T[];
  readonly pageInfo: PageInfoType;
}

/** A page of rows as a connection; `keysOf` gives the keys that the rows are ordered by. */
export function connection<T>(
  page: Page<T>,
  keysOf: (item: T) => readonly string[],
): ConnectionValue<T> {
  const edges = page.items.map((node) => ({ cursor: encodeCursor(keysOf(node)), node }));
  return {
    edges,
    nodes: page.items,
    pageInfo: {
      hasNextPage: page.hasNextPage,
      hasPreviousPage: page.hasPreviousPage,
      startCursor: edges.at(0)?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
  };
}

/** Declares `<name>Connection` and `<name>Edge` for a type. */
export function connectionType<T extends object>(
  name: string,
  node: () => ClassType<T>,
  order: string,
): ClassType<ConnectionValue<T>> {
  @ObjectType(`${name}Edge`, { description: `An item of a \`${name}Connection\` with its cursor.` })
  class Edge {
    @Field(() => String, {
      description: 'Position of the item. Opaque: only useful as `after` or `before`.',
    })
    cursor!: string;

    @Field(() => node(), { description: 'The item.' })
    node!: T;
  }

  @ObjectType(`${name}Connection`, { description: `A page of ${order}.` })
  class Connection {
    @Field(() => [Edge], { description: 'The items of the page with their cursors.' })
    edges!: Edge[];

    @Field(() => [node()], {
      description: 'The items of the page, for who needs no cursor of each.',
    })
    nodes!: T[];

    @Field(() => PageInfoType, { description: 'Where the page lies.' })
    pageInfo!: PageInfoType;
  }

  return Connection;
}
