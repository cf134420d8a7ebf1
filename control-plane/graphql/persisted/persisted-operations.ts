import { createHash } from 'node:crypto';
import { z } from 'zod';
import { ApiError } from '../errors.ts';
import type { DocumentCache } from './document-cache.ts';
import type { OperationManifest } from './operation-manifest.ts';

/** What a request says of its document, on whichever transport. */
export interface DocumentRequest {
  readonly query?: unknown;
  /** Id of a listed operation (GraphQL over HTTP, persisted documents). */
  readonly documentId?: unknown;
  readonly extensions?: unknown;
}

export interface ResolvedDocument {
  readonly text: string;
  /** Keeps the document for requests by hash. To be called once it is known to be valid; else absent. */
  readonly register?: () => void;
}

/** Tells which document a request means. */
export interface PersistedOperations {
  /** Undefined: the request names none. @throws {ApiError} when it may not run or is not known. */
  documentOf(request: DocumentRequest): ResolvedDocument | undefined;
}

const extension = z.object({
  persistedQuery: z
    .object({ version: z.literal(1), sha256Hash: z.string().min(1).max(256) })
    .optional(),
});

/** Clients put the hash, or the id of a listed operation, into `extensions.persistedQuery.sha256Hash`. */
function hashOf(extensions: unknown): string | undefined {
  if (extensions === undefined || extensions === null) return undefined;
  const parsed = extension.safeParse(extensions);
  if (!parsed.success)
    throw new ApiError('BAD_REQUEST', 'This is no persisted query of version 1.');
  return parsed.data.persistedQuery?.sha256Hash;
}

/** A WebSocket message must hold a query: clients that send an id leave it empty. */
function textOf(query: unknown): string | undefined {
  return typeof query === 'string' && query !== '' ? query : undefined;
}

/** Documents in full alone. */
export const noPersistedOperations: PersistedOperations = {
  documentOf({ query, documentId, extensions }) {
    const text = textOf(query);
    if (hashOf(extensions) !== undefined || (text === undefined && documentId !== undefined)) {
      // The message is what clients of automatic persisted queries look for.
      throw new ApiError('PERSISTED_QUERY_NOT_SUPPORTED', 'PersistedQueryNotSupported');
    }
    return text === undefined ? undefined : { text };
  },
};

/** Automatic persisted queries: a client sends a hash, and the document with it when the hash is not known. */
export function automaticPersistedOperations(cache: DocumentCache): PersistedOperations {
  return {
    documentOf({ query, extensions }) {
      const text = textOf(query);
      const hash = hashOf(extensions);
      if (hash === undefined) return text === undefined ? undefined : { text };
      if (text === undefined) {
        const known = cache.get(hash);
        if (known !== undefined) return { text: known };
        throw new ApiError('PERSISTED_QUERY_NOT_FOUND', 'PersistedQueryNotFound');
      }
      if (createHash('sha256').update(text).digest('hex') !== hash) {
        throw new ApiError('BAD_REQUEST', 'The hash is not that of the document.');
      }
      return { text, register: () => cache.set(hash, text) };
    },
  };
}

/** Listed operations alone, by their id or by exactly their document. */
export function listedOperations({ byId, documents }: OperationManifest): PersistedOperations {
  return {
    documentOf({ query, documentId, extensions }) {
      const text = textOf(query);
      const id = hashOf(extensions) ?? (typeof documentId === 'string' ? documentId : undefined);
      if (id === undefined && text === undefined) return undefined;
      if (id !== undefined) {
        const listed = byId.get(id);
        if (listed === undefined) throw new ApiError('PERSISTED_QUERY_NOT_IN_LIST');
        if (text === undefined || text === listed) return { text: listed };
      } else if (text !== undefined && documents.has(text)) {
        return { text };
      }
      throw new ApiError('QUERY_NOT_IN_SAFELIST');
    },
  };
}
