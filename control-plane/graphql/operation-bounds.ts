import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  getVariableValues,
  isCompositeType,
  isInterfaceType,
  isListType,
  isObjectType,
  Kind,
  Lexer,
  type OperationDefinitionNode,
  type SelectionSetNode,
  Source,
  TokenKind,
  visit,
} from 'graphql';
import { getArgumentValues } from 'graphql/execution/values.js';
import { ApiError } from './errors.ts';

/** Bounds on one operation, held before anything of it is executed. */
export interface OperationBounds {
  /** Nested fields, the innermost counted; introspection is bounded by its own validation rule. */
  readonly depthMax: number;
  /** A field costs 1, below a page its size times as much; see `operationCost`. */
  readonly costMax: number;
  /** Aliases in the whole document. */
  readonly aliasesMax: number;
  /** Lexical tokens in the whole document. */
  readonly tokensMax: number;
  /** Largest `first` or `last`. */
  readonly pageSizeMax: number;
  /** Page size when neither is given. */
  readonly pageSizeDefault: number;
}

/** Items assumed in a list that has no page size; such lists are bounded when they are written. */
const plainListSize = 10;
/** Costs of the introspection roots: the whole schema, and one type of it. */
const introspectionCost: Readonly<Record<string, number>> = { __schema: 100, __type: 10 };

/**
 * Refuses a text with more tokens than allowed, before it is parsed.
 * @throws {ApiError} TOO_MANY_TOKENS; a lexical error is left to the parser.
 */
export function checkTokens(text: string, bounds: OperationBounds): void {
  const lexer = new Lexer(new Source(text));
  let count = 0;
  for (;;) {
    try {
      if (lexer.advance().kind === TokenKind.EOF) return;
    } catch {
      return;
    }
    count += 1;
    if (count > bounds.tokensMax) {
      throw new ApiError('TOO_MANY_TOKENS', `A document has at most ${bounds.tokensMax} tokens.`);
    }
  }
}

/**
 * Refuses a document with more aliases than allowed, before it is validated: the validation of
 * overlapping fields is what many aliases make slow.
 * @throws {ApiError} TOO_MANY_ALIASES
 */
export function checkAliases(document: DocumentNode, bounds: OperationBounds): void {
  let count = 0;
  visit(document, {
    Field(node) {
      if (node.alias !== undefined) count += 1;
    },
  });
  if (count > bounds.aliasesMax) {
    throw new ApiError('TOO_MANY_ALIASES', `A document has at most ${bounds.aliasesMax} aliases.`);
  }
}

/** How deep an operation goes and what it costs. */
export interface OperationMeasure {
  readonly depth: number;
  readonly cost: number;
}

interface Walk {
  readonly schema: GraphQLSchema;
  readonly bounds: OperationBounds;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly variables: { [variable: string]: unknown };
  /** A fragment spread many times is measured once: else its cost in time were exponential. */
  readonly known: Map<string, OperationMeasure>;
}

function fieldOf(
  type: GraphQLCompositeType,
  name: string,
): GraphQLField<unknown, unknown> | undefined {
  return isObjectType(type) || isInterfaceType(type) ? type.getFields()[name] : undefined;
}

/** Items that a page may hold, or undefined when the field has no page. */
function pageSize(
  walk: Walk,
  field: GraphQLField<unknown, unknown>,
  node: FieldNode,
): number | undefined {
  if (!field.args.some((argument) => argument.name === 'first')) return undefined;
  let args: { [name: string]: unknown };
  try {
    args = getArgumentValues(field, node, walk.variables);
  } catch {
    // Execution will refuse the arguments and say why.
    return walk.bounds.pageSizeDefault;
  }
  const size = args['first'] ?? args['last'] ?? walk.bounds.pageSizeDefault;
  return Math.min(Math.max(Number(size), 0), walk.bounds.pageSizeMax);
}

function measureField(
  walk: Walk,
  type: GraphQLCompositeType,
  node: FieldNode,
  listSize: number,
): OperationMeasure {
  const name = node.name.value;
  if (name.startsWith('__')) return { depth: 1, cost: introspectionCost[name] ?? 0 };
  const field = fieldOf(type, name);
  if (field === undefined) return { depth: 1, cost: 1 };
  const own = Number(field.extensions['complexity'] ?? 1);
  const inner = getNamedType(field.type);
  if (node.selectionSet === undefined || !isCompositeType(inner)) return { depth: 1, cost: own };
  const isList = isListType(getNullableType(field.type));
  const page = pageSize(walk, field, node);
  const below = measureSelections(walk, inner, node.selectionSet, page ?? plainListSize);
  return { depth: 1 + below.depth, cost: own + (isList ? listSize : 1) * below.cost };
}

function measureFragment(walk: Walk, name: string, listSize: number): OperationMeasure {
  const key = `${name}/${listSize}`;
  const known = walk.known.get(key);
  if (known !== undefined) return known;
  // Validation has refused cycles; this entry ends the walk should one arrive here all the same.
  walk.known.set(key, { depth: 0, cost: 0 });
  const fragment = walk.fragments.get(name);
  const type = fragment && walk.schema.getType(fragment.typeCondition.name.value);
  const measure =
    fragment !== undefined && isCompositeType(type)
      ? measureSelections(walk, type, fragment.selectionSet, listSize)
      : { depth: 0, cost: 0 };
  walk.known.set(key, measure);
  return measure;
}

/** `listSize`: items that a list among these fields may hold, as the page above them says. */
function measureSelections(
  walk: Walk,
  type: GraphQLCompositeType,
  selections: SelectionSetNode,
  listSize: number,
): OperationMeasure {
  let depth = 0;
  let cost = 0;
  for (const selection of selections.selections) {
    let measure: OperationMeasure;
    if (selection.kind === Kind.FIELD) {
      measure = measureField(walk, type, selection, listSize);
    } else if (selection.kind === Kind.FRAGMENT_SPREAD) {
      measure = measureFragment(walk, selection.name.value, listSize);
    } else {
      const condition = selection.typeCondition;
      const narrowed = condition ? walk.schema.getType(condition.name.value) : type;
      measure = measureSelections(
        walk,
        isCompositeType(narrowed) ? narrowed : type,
        selection.selectionSet,
        listSize,
      );
    }
    depth = Math.max(depth, measure.depth);
    cost += measure.cost;
  }
  return { depth, cost };
}

/**
 * Measures a valid operation. Cost: each field 1 (more where its `complexity` says so), and what stands
 * inside a list counts as often as the list may have items: the page size given (or the default) for a
 * connection's `edges` and `nodes`, 10 for other lists. Directives that skip fields are not considered.
 */
export function measureOperation(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: { readonly [variable: string]: unknown },
  bounds: OperationBounds,
): OperationMeasure {
  const root = schema.getRootType(operation.operation);
  if (!root) return { depth: 0, cost: 0 };
  const coerced = getVariableValues(schema, operation.variableDefinitions ?? [], variables);
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION)
      fragments.set(definition.name.value, definition);
  }
  const walk = { schema, bounds, fragments, variables: coerced.coerced ?? {}, known: new Map() };
  return measureSelections(walk, root, operation.selectionSet, plainListSize);
}

/**
 * Refuses an operation that is too deep or too costly.
 * @throws {ApiError} OPERATION_TOO_DEEP or OPERATION_TOO_COSTLY
 */
export function checkOperation(measure: OperationMeasure, bounds: OperationBounds): void {
  if (measure.depth > bounds.depthMax) {
    throw new ApiError(
      'OPERATION_TOO_DEEP',
      `The operation is ${measure.depth} fields deep; ${bounds.depthMax} are allowed.`,
    );
  }
  if (measure.cost > bounds.costMax) {
    throw new ApiError(
      'OPERATION_TOO_COSTLY',
      `The operation costs ${measure.cost}; ${bounds.costMax} is allowed. Ask for fewer fields or smaller pages.`,
    );
  }
}
