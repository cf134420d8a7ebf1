import {
  type DocumentNode,
  type ExecutionArgs,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  NoSchemaIntrospectionCustomRule,
  parse,
  specifiedRules,
  type ValidationRule,
  validate,
} from 'graphql';
import type { GraphqlContext } from './context.ts';
import { ApiError } from './errors.ts';
import {
  checkAliases,
  checkOperation,
  checkTokens,
  measureOperation,
  type OperationBounds,
} from './operation-bounds.ts';

/** What a client asks to subscribe to. */
export interface SubscriptionRequest {
  readonly query: string;
  readonly operationName?: string | null | undefined;
  readonly variables?: Record<string, unknown> | null | undefined;
}

export interface SubscriptionRules {
  readonly schema: GraphQLSchema;
  readonly bounds: OperationBounds;
  readonly introspection: boolean;
}

/** A refused operation; every error says what to mend. */
export class OperationRefused extends Error {
  readonly errors: readonly GraphQLError[];

  constructor(errors: readonly GraphQLError[]) {
    super(errors[0]?.message ?? 'The operation was refused.');
    this.name = 'OperationRefused';
    this.errors = errors;
  }
}

function parsed(query: string): DocumentNode {
  try {
    return parse(query);
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    throw new ApiError('GRAPHQL_PARSE_FAILED', error.message);
  }
}

function prepared(
  rules: SubscriptionRules,
  request: SubscriptionRequest,
  contextValue: GraphqlContext,
): ExecutionArgs {
  const { schema, bounds } = rules;
  checkTokens(request.query, bounds);
  const document = parsed(request.query);
  checkAliases(document, bounds);
  const validation: ValidationRule[] = rules.introspection
    ? [...specifiedRules]
    : [...specifiedRules, NoSchemaIntrospectionCustomRule];
  const errors = validate(schema, document, validation);
  if (errors.length > 0) {
    throw new OperationRefused(
      errors.map(({ message }) => new ApiError('GRAPHQL_VALIDATION_FAILED', message)),
    );
  }
  const operation = getOperationAST(document, request.operationName);
  if (!operation) throw new ApiError('OPERATION_RESOLUTION_FAILURE');
  if (operation.operation !== 'subscription') {
    throw new ApiError(
      'OPERATION_NOT_SUPPORTED',
      'Only subscriptions run here: send queries and mutations by POST to /graphql.',
    );
  }
  const variableValues = request.variables ?? {};
  checkOperation(measureOperation(schema, document, operation, variableValues, bounds), bounds);
  return {
    schema,
    document,
    contextValue,
    variableValues,
    ...(request.operationName && { operationName: request.operationName }),
  };
}

/**
 * Checks a subscription by the same bounds and rules as an operation over HTTP.
 * @throws {OperationRefused} with everything that is wrong.
 */
export function prepareSubscription(
  rules: SubscriptionRules,
  request: SubscriptionRequest,
  context: GraphqlContext,
): ExecutionArgs {
  try {
    return prepared(rules, request, context);
  } catch (error) {
    throw error instanceof ApiError ? new OperationRefused([error]) : error;
  }
}
