import type { ResourceType } from '../../common/resource-types.ts';
import { type ResourceScope, resourceVersion } from '../../common/resource-version.ts';

/** A resource as it goes to nodes: encoded once, immutable, shared by every group and stream. */
export interface CompiledResource {
  readonly type: ResourceType;
  /** Unique within its type. */
  readonly name: string;
  /** Content hash of scope and body. */
  readonly version: string;
  readonly scope: ResourceScope;
  readonly body: Buffer;
}

/** Type and name of a resource as one map key. Types hold no `/`. */
export type ResourceKey = string;

export function resourceKey(type: string, name: string): ResourceKey {
  return `${type}/${name}`;
}

/** The parts of a key that `resourceKey` made. */
export function resourceNameOf(key: ResourceKey): { type: string; name: string } {
  const slash = key.indexOf('/');
  return { type: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** Adds the version to what a compiler has encoded. */
export function compiledResource(resource: Omit<CompiledResource, 'version'>): CompiledResource {
  return { ...resource, version: resourceVersion(resource.scope, resource.body) };
}

/** What is wrong with a row that can't become a resource; such a row reaches no node. */
export interface CompileViolation {
  readonly type: ResourceType;
  readonly name: string;
  /** Field path inside the resource, such as `endpoints[0].url`; empty for the whole resource. */
  readonly path: string;
  readonly message: string;
}
