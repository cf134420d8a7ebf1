import type { RangeChunkInput } from '../../proto/gen/mcpgw/discovery/v1/RangeChunk.ts';
import type { RangeCommitInput } from '../../proto/gen/mcpgw/discovery/v1/RangeCommit.ts';
import type { ResourceInput } from '../../proto/gen/mcpgw/discovery/v1/Resource.ts';
import type { ResourceNameInput } from '../../proto/gen/mcpgw/discovery/v1/ResourceName.ts';
import type { CompiledResource } from '../snapshot/compiled-resource.ts';
import type { RevisionRange } from '../snapshot/revision-range.ts';

/** What an envelope costs beside body and names, in bytes, about. */
const envelopeBytes = 96;

export interface ChunkOptions {
  /** A chunk is closed before it grows beyond; a larger resource gets a chunk of its own. */
  readonly chunkBytes: number;
  readonly commit: RangeCommitInput;
  /** Whether only the envelope goes out. */
  readonly withheld: (resource: CompiledResource) => boolean;
}

function envelope(resource: CompiledResource, withheld: boolean): ResourceInput {
  return {
    type: resource.type,
    name: resource.name,
    version: resource.version,
    scope: {
      organizationId: resource.scope.organizationId,
      serverIds: [...resource.scope.serverIds],
    },
    body: withheld ? Buffer.alloc(0) : resource.body,
    withheld,
  };
}

/**
 * The chunks of a range, made one by one as the node takes them. The last one carries the commit marker;
 * a range of nothing is one chunk.
 */
export function* rangeChunks(
  range: RevisionRange,
  options: ChunkOptions,
): Generator<RangeChunkInput> {
  const { fromRevision, toRevision } = range;
  let index = 0;
  let bytes = 0;
  let resources: ResourceInput[] = [];
  let removedResources: ResourceNameInput[] = [];
  const chunk = (commit: RangeCommitInput | null): RangeChunkInput => {
    const made = { fromRevision, toRevision, index, resources, removedResources, commit };
    index += 1;
    bytes = 0;
    resources = [];
    removedResources = [];
    return made;
  };
  for (const { type, name } of range.removed) {
    const size = envelopeBytes + name.length;
    if (bytes > 0 && bytes + size > options.chunkBytes) yield chunk(null);
    removedResources.push({ type, name });
    bytes += size;
  }
  for (const resource of range.resources) {
    const withheld = options.withheld(resource);
    const scopeBytes = resource.scope.serverIds.length * 40;
    const size =
      envelopeBytes + resource.name.length + scopeBytes + (withheld ? 0 : resource.body.length);
    if (bytes > 0 && bytes + size > options.chunkBytes) yield chunk(null);
    resources.push(envelope(resource, withheld));
    bytes += size;
  }
  yield chunk(options.commit);
}
