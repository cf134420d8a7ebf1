import {
  type DocumentNode,
  type ExecutionArgs,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  getVariableValues,
  NoSchemaIntrospectionCustomRule,
  parse,
  specifiedRules,
  type ValidationRule,
  validate,
} from 'graphql';
import type { GraphqlContext } from './context.ts';
import { ApiError, type ErrorCode } from './errors.ts';
import {
  checkAliases,
  checkOperation,
  checkTokens,
  measureOperation,
  type OperationBounds,
} from './operation-bounds.ts';
import type { DocumentRequest, PersistedOperations } from './persisted/persisted-operations.ts';

/** What a client asks to subscribe to. */
export interface SubscriptionRequest extends DocumentRequest {
  readonly operationName?: string | null | undefined;
  readonly variables?: Record<string, unknown> | null | undefined;
}

export interface SubscriptionRules {
  readonly schema: GraphQLSchema;
  readonly bounds: OperationBounds;
  readonly introspection: boolean;
  readonly persisted: PersistedOperations;
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

function refusedAs(code: ErrorCode, errors: readonly GraphQLError[]): OperationRefused {
  return new OperationRefused(errors.map(({ message }) => new ApiError(code, message)));
}

function prepared(
  rules: SubscriptionRules,
  request: SubscriptionRequest,
  contextValue: GraphqlContext,
): ExecutionArgs {
  const { schema, bounds } = rules;
  const found = rules.persisted.documentOf(request);
  if (found === undefined) throw new ApiError('BAD_REQUEST', 'The request holds no query.');
  checkTokens(found.text, bounds);
  const document = parsed(found.text);
  checkAliases(document, bounds);
  const validation: ValidationRule[] = rules.introspection
    ? [...specifiedRules]
    : [...specifiedRules, NoSchemaIntrospectionCustomRule];
  // Suggestions in messages would tell names that introspection hides.
  const hideSuggestions = !rules.introspection;
  const errors = validate(schema, document, validation, { hideSuggestions });
  if (errors.length > 0) {
    throw refusedAs('GRAPHQL_VALIDATION_FAILED', errors);
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
  const coerced = getVariableValues(schema, operation.variableDefinitions ?? [], variableValues, {
    hideSuggestions,
  });
  if (coerced.errors) throw refusedAs('BAD_USER_INPUT', coerced.errors);
  checkOperation(measureOperation(schema, document, operation, variableValues, bounds), bounds);
  found.register?.();
  return {
    schema,
    hideSuggestions,
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
