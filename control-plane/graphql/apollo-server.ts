import { ApolloServer, type ApolloServerPlugin, type BaseContext } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled';
import type { GraphQLFormattedError, GraphQLSchema } from 'graphql';
import type { Logger } from '../../common/logging.ts';
import type { GraphqlContext } from './context.ts';
import { ApiError, type ErrorCode, presentError } from './errors.ts';
import type { GraphqlMetrics } from './graphql-metrics.ts';
import {
  checkAliases,
  checkOperation,
  measureOperation,
  type OperationBounds,
} from './operation-bounds.ts';
import { registerDocument } from './persisted/document-gate.ts';

export interface ApolloOptions {
  readonly schema: GraphQLSchema;
  readonly bounds: OperationBounds;
  readonly introspection: boolean;
  readonly logger: Logger;
  readonly metrics: GraphqlMetrics;
}

/** Runs a check so that what it refuses is answered as the client's mistake, by status 400. */
function asBadRequest(check: () => void): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const code = error.extensions['code'] as ErrorCode;
    throw new ApiError(code, error.message, { http: { status: 400 } });
  }
}

function boundsPlugin(options: ApolloOptions): ApolloServerPlugin<GraphqlContext> {
  const { schema, bounds } = options;
  return {
    async requestDidStart() {
      return {
        async didResolveOperation({ document, operation, request }) {
          asBadRequest(() => {
            if (operation === undefined) return;
            checkAliases(document, bounds);
            const variables = request.variables ?? {};
            checkOperation(
              measureOperation(schema, document, operation, variables, bounds),
              bounds,
            );
          });
          registerDocument(request.extensions);
        },
      };
    },
  };
}

function metricsPlugin({ metrics }: ApolloOptions): ApolloServerPlugin<GraphqlContext> {
  return {
    async requestDidStart() {
      const startedAt = performance.now();
      return {
        async willSendResponse({ operation, errors }) {
          const seconds = (performance.now() - startedAt) / 1000;
          metrics.operation(operation?.operation ?? 'refused', errors !== undefined, seconds);
        },
      };
    },
  };
}

/** Apollo leaves suggestions out of what validation says, but not out of what is wrong with variables. */
function withoutSuggestions(error: GraphQLFormattedError): GraphQLFormattedError {
  return { ...error, message: error.message.replace(/ ?Did you mean .+?\?(?= |$)/g, '') };
}

/**
 * Apollo Server for queries and mutations. Nothing of it calls home or serves pages, it remembers no
 * documents (`documentGate` has found them), and it installs no signal handlers: the process ends in its
 * own order.
 */
export function createApolloServer(options: ApolloOptions): ApolloServer<GraphqlContext> {
  const { schema, introspection, logger } = options;
  const disabled: ApolloServerPlugin<BaseContext>[] = [
    ApolloServerPluginLandingPageDisabled(),
    ApolloServerPluginUsageReportingDisabled(),
    ApolloServerPluginSchemaReportingDisabled(),
    ApolloServerPluginCacheControlDisabled(),
  ];
  return new ApolloServer<GraphqlContext>({
    schema,
    introspection,
    // Suggestions in messages would tell names that introspection hides.
    hideSchemaDetailsFromClientErrors: !introspection,
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    csrfPrevention: true,
    persistedQueries: false,
    allowBatchedHttpRequests: false,
    cache: 'bounded',
    nodeEnv: 'production',
    logger: {
      debug: (message) => logger.debug(message),
      info: (message) => logger.info(message),
      warn: (message) => logger.warn(message),
      error: (message) => logger.error(message),
    },
    formatError: (formatted, error) => {
      const presented = presentError(formatted, error, logger);
      return introspection ? presented : withoutSuggestions(presented);
    },
    plugins: [...disabled, boundsPlugin(options), metricsPlugin(options)],
  });
}
