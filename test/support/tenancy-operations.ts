import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  isCompositeType,
  isLeafType,
  isNonNullType,
  isObjectType,
} from 'graphql';

/** Something that a client can ask for: a root field, or a field of an organization. */
export interface Operation {
  /** As the table of permissions names it: `Mutation.createServer`. */
  readonly path: string;
  readonly root: 'query' | 'mutation' | 'subscription';
  readonly field: GraphQLField<unknown, unknown>;
  /** Whether it is asked for inside `organization(id:)`. */
  readonly inOrganization: boolean;
}

type Field = GraphQLField<unknown, unknown>;

function fieldsOf(type: GraphQLObjectType | null | undefined): Field[] {
  return Object.values(type?.getFields() ?? {});
}

/** Every operation of a schema, and every field of an organization. */
export function operationsOf(schema: GraphQLSchema): Operation[] {
  const roots = [
    ['query', schema.getQueryType()],
    ['mutation', schema.getMutationType()],
    ['subscription', schema.getSubscriptionType()],
  ] as const;
  const organization = schema.getType('Organization');
  return [
    ...roots.flatMap(([root, type]) =>
      fieldsOf(type).map((field) => ({
        ...{ path: `${type?.name}.${field.name}`, root, field },
        inOrganization: false,
      })),
    ),
    ...fieldsOf(isObjectType(organization) ? organization : undefined).map((field) => ({
      ...{ path: `Organization.${field.name}`, root: 'query' as const, field },
      inOrganization: true,
    })),
  ];
}

const needsArguments = (args: readonly GraphQLArgument[]) =>
  args.some(({ type, defaultValue }) => isNonNullType(type) && defaultValue === undefined);

/** Everything that can be selected without arguments, so that whatever an answer can show is in it. */
function selectionOf(type: GraphQLObjectType, depth: number, above: readonly string[]): string {
  const selected = fieldsOf(type).flatMap((field) => {
    // The items of a connection's edges are its nodes once more.
    if (needsArguments(field.args) || field.name === 'edges') return [];
    const inner = getNamedType(field.type);
    if (isLeafType(inner)) return [field.name];
    if (!isObjectType(inner) || depth === 0 || above.includes(inner.name)) return [];
    const below = selectionOf(inner, depth - 1, [...above, type.name]);
    return below === '' ? [] : [`${field.name} ${below}`];
  });
  return selected.length === 0 ? '' : `{ ${selected.join(' ')} }`;
}

export type Arguments = Readonly<Record<string, unknown>>;

export interface OperationRequest {
  readonly query: string;
  readonly variables: Record<string, unknown>;
}

/**
 * The operation with these arguments as variables.
 * @param organizationId for fields of an organization.
 * @param depth how many objects deep the answer is asked for.
 */
export function requestFor(
  operation: Operation,
  args: Arguments,
  organizationId: string,
  depth = 4,
): OperationRequest {
  const { field, root, inOrganization } = operation;
  const given = field.args.filter(({ name }) => args[name] !== undefined);
  const declared = given.map(({ name, type }) => `$${name}: ${type}`);
  const passed = given.map(({ name }) => `${name}: $${name}`);
  const type = getNamedType(field.type);
  const selection = isCompositeType(type) && isObjectType(type) ? selectionOf(type, depth, []) : '';
  const call = `${field.name}${passed.length > 0 ? `(${passed.join(', ')})` : ''} ${selection}`;
  if (!inOrganization) {
    const head = declared.length > 0 ? `(${declared.join(', ')})` : '';
    return { query: `${root}${head} { ${call} }`, variables: { ...args } };
  }
  const head = ['$the: ID!', ...declared].join(', ');
  return {
    query: `query(${head}) { organization(id: $the) { ${call} } }`,
    variables: { ...args, the: organizationId },
  };
}
