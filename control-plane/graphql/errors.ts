import { AsyncLocalStorage } from 'node:async_hooks';
import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import type { Logger } from '../../common/logging.ts';

/**
 * Every code that `errors[].extensions.code` can hold, with what it means. Errors stand for what a client
 * can't mend by changing a value; what it can mend comes as `userErrors` in a mutation's payload.
 */
export const errorCodes = {
  UNAUTHENTICATED: 'A valid access token is needed.',
  TOKEN_EXPIRED: 'The access token has expired: log in again.',
  FORBIDDEN: 'The caller may not do this.',
  INSUFFICIENT_SCOPE:
    'The API key’s scopes do not allow this: administration needs `admin`, reading `admin:read`.',
  NOT_FOUND: 'What the operation names does not exist, or is not visible to the caller.',
  BAD_USER_INPUT: 'An argument or a variable is not valid.',
  BAD_REQUEST: 'The HTTP request is not a GraphQL request.',
  BODY_TOO_LARGE: 'The request’s body is larger than allowed.',
  GRAPHQL_PARSE_FAILED: 'The document is not valid GraphQL.',
  GRAPHQL_VALIDATION_FAILED: 'The document does not fit the schema.',
  PERSISTED_QUERY_NOT_SUPPORTED: 'Send the whole document: persisted queries are not kept.',
  PERSISTED_QUERY_NOT_FOUND: 'No document is kept under this hash: send it once with the hash.',
  PERSISTED_QUERY_NOT_IN_LIST: 'No operation with this id is in the server’s list.',
  QUERY_NOT_IN_SAFELIST: 'Only operations in the server’s list run here.',
  OPERATION_RESOLUTION_FAILURE: 'The document does not say which operation to run.',
  OPERATION_NOT_SUPPORTED: 'This transport does not run operations of this kind.',
  OPERATION_TOO_DEEP: 'The operation is nested deeper than allowed.',
  OPERATION_TOO_COSTLY:
    'The operation costs more than allowed: ask for fewer fields or smaller pages.',
  TOO_MANY_ALIASES: 'The document holds more aliases than allowed.',
  TOO_MANY_TOKENS: 'The document is longer than allowed.',
  TOO_MANY_SUBSCRIPTIONS: 'There are as many subscriptions as allowed.',
  TOO_MANY_ATTEMPTS: 'Too many attempts failed: try again later.',
  SUBSCRIPTION_LAGGED: 'The subscriber took events more slowly than they came: subscribe again.',
  LOGIN_FAILED: 'The e-mail address or the password is wrong.',
  BUSY: 'The server has as much of this work as it takes: try again in a moment.',
  INTERNAL: 'The server failed: give the operator the trace id.',
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** An error that a client may see as it is. */
export class ApiError extends GraphQLError {
  constructor(code: ErrorCode, message: string = errorCodes[code], details: object = {}) {
    super(message, { extensions: { ...details, code } });
    this.name = 'ApiError';
  }
}

/** Codes that GraphQL's and Apollo's own layers set for what the client did. */
const trustedCodes: ReadonlySet<unknown> = new Set(
  Object.keys(errorCodes).filter((code) => code !== 'INTERNAL'),
);

/** The trace id of the request in work, for errors that arise where no context is at hand. */
export const requestTrace = new AsyncLocalStorage<string>();

/** The error that was thrown in a resolver, out of the wrapping that GraphQL adds. */
function originOf(error: unknown): unknown {
  let origin = error;
  while (origin instanceof GraphQLError && origin.originalError !== undefined) {
    origin = origin.originalError;
  }
  return origin;
}

/** True for an error that says only what the client did, never what happened inside. */
function isPresentable(formatted: GraphQLFormattedError, error: unknown): boolean {
  const origin = originOf(error);
  if (origin instanceof ApiError) return true;
  return origin instanceof GraphQLError && trustedCodes.has(formatted.extensions?.['code']);
}

/**
 * GraphQL repeats the value that it could not use, with whatever password or credential stands in it, and
 * clients and proxies log what they are answered. Where it stands and what is wrong with it stay.
 */
function withoutEchoedValue(message: string): string {
  return message
    .replace(/^(Variable "\$\w+" got invalid value) .*?((?: at "[\w.]+")?; [^;]*)$/s, '$1$2')
    .replace(/(cannot represent (?:a )?[\w- ]*value): .*$/s, '$1.')
    .replace(/^(Expected value of type "[^"]+"), found .*?( Did you mean [^?]+\?)?$/s, '$1.$2');
}

/**
 * Turns an error into what a client sees. Anything that was not made for clients is logged in full and
 * answered by INTERNAL with the trace id alone.
 */
export function presentError(
  formatted: GraphQLFormattedError,
  error: unknown,
  logger: Logger,
  traceId = requestTrace.getStore(),
): GraphQLFormattedError {
  if (isPresentable(formatted, error)) {
    const { stacktrace: _, http: __, ...extensions } = formatted.extensions ?? {};
    return { ...formatted, message: withoutEchoedValue(formatted.message), extensions };
  }
  logger.error({ err: originOf(error), path: formatted.path, traceId }, 'an operation failed');
  return {
    message: errorCodes.INTERNAL,
    ...(formatted.locations && { locations: formatted.locations }),
    ...(formatted.path && { path: formatted.path }),
    extensions: { code: 'INTERNAL', ...(traceId !== undefined && { traceId }) },
  };
}
