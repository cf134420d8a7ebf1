import type { GraphQLSchema } from 'graphql';
import type { OperationBounds } from '../operation-bounds.ts';
import { DocumentCache, type DocumentCacheBounds } from './document-cache.ts';
import { loadOperationManifest } from './operation-manifest.ts';
import {
  automaticPersistedOperations,
  listedOperations,
  noPersistedOperations,
  type PersistedOperations,
} from './persisted-operations.ts';

/**
 * `off`: documents in full. `automatic`: also by hash, once a client has sent the document. Else the
 * operations of a manifest and no others.
 */
export type PersistedQueryMode = 'off' | 'automatic' | { readonly manifestFile: string };

/** @throws {OperationManifestError} for a manifest that can't be used. */
export async function openPersistedOperations(
  mode: PersistedQueryMode,
  schema: GraphQLSchema,
  bounds: OperationBounds & DocumentCacheBounds,
): Promise<PersistedOperations> {
  if (mode === 'off') return noPersistedOperations;
  if (mode === 'automatic') return automaticPersistedOperations(new DocumentCache(bounds));
  return listedOperations(await loadOperationManifest(mode.manifestFile, schema, bounds));
}
