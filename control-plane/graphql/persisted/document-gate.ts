import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiError, type ErrorCode } from '../errors.ts';
import { refusal } from '../http-server.ts';
import { checkTokens, type OperationBounds } from '../operation-bounds.ts';
import type { PersistedOperations } from './persisted-operations.ts';

/** In `extensions` of a request on its way to Apollo: what to do once the document is valid. */
const registration = Symbol('registration');

/** Keeps the document that a request registers. To be called once it is valid and within the bounds. */
export function registerDocument(extensions: object | undefined): void {
  const register = (extensions as { [registration]?: () => void } | undefined)?.[registration];
  register?.();
}

type Body = Record<string, unknown>;

function isBody(body: unknown): body is Body {
  return typeof body === 'object' && body !== null && !Array.isArray(body);
}

/** Puts the document that the body means into it, in full, so that Apollo sees nothing else. */
function resolveDocument(body: Body, persisted: PersistedOperations): string | undefined {
  const found = persisted.documentOf(body);
  const { extensions } = body;
  const { persistedQuery: _, ...rest } = isBody(extensions) ? extensions : {};
  // A symbol can't come from a client.
  body['extensions'] = { ...rest, ...(found?.register && { [registration]: found.register }) };
  if (found === undefined) delete body['query'];
  else body['query'] = found.text;
  return found?.text;
}

/**
 * Finds the document that a request means, and refuses one that is too long before anything parses it.
 * Apollo refuses what is no request.
 */
export function documentGate(persisted: PersistedOperations, bounds: OperationBounds) {
  return async (
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply | undefined> => {
    const { body } = request;
    if (!isBody(body)) return undefined;
    try {
      const text = resolveDocument(body, persisted);
      if (text !== undefined) checkTokens(text, bounds);
      return undefined;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const code = error.extensions['code'] as ErrorCode;
      // A client of automatic persisted queries sends the document then: this is no failure.
      const status = code === 'PERSISTED_QUERY_NOT_FOUND' ? 200 : 400;
      return reply
        .code(status)
        .header('cache-control', 'no-store')
        .send(refusal(code, error.message));
    }
  };
}
