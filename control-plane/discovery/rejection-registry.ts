import { type ResourceKey, resourceKey } from '../snapshot/compiled-resource.ts';

/** A resource that a node could not use, and why. */
export interface Rejection {
  readonly type: string;
  readonly name: string;
  readonly version: string;
  readonly path: string;
  readonly message: string;
}

/**
 * Which versions of which resources a build could not use, so that they aren't sent to it again. Kept
 * for each node group by itself: what one group's nodes say never changes what another's get.
 */
export class RejectionRegistry {
  readonly #buildsMax: number;
  readonly #rejectionsMax: number;
  readonly #builds = new Map<string, Map<ResourceKey, Rejection>>();

  /** @param bounds how many builds are remembered, and how many rejections of each. */
  constructor(bounds: { buildsMax: number; rejectionsMax: number }) {
    this.#buildsMax = bounds.buildsMax;
    this.#rejectionsMax = bounds.rejectionsMax;
  }

  add(groupId: string, build: string, rejection: Rejection): void {
    const id = `${groupId}/${build}`;
    const rejections = this.#builds.get(id) ?? new Map<ResourceKey, Rejection>();
    // Last used last: a map keeps the order in which its keys came.
    this.#builds.delete(id);
    this.#builds.set(id, rejections);
    rejections.set(resourceKey(rejection.type, rejection.name), rejection);
    dropOldest(rejections, this.#rejectionsMax);
    dropOldest(this.#builds, this.#buildsMax);
  }

  /** The rejection of exactly this version, if that build refused it. */
  find(
    groupId: string,
    build: string,
    resource: { readonly type: string; readonly name: string; readonly version: string },
  ): Rejection | undefined {
    const key = resourceKey(resource.type, resource.name);
    const rejection = this.#builds.get(`${groupId}/${build}`)?.get(key);
    return rejection?.version === resource.version ? rejection : undefined;
  }
}

function dropOldest(map: Map<string, unknown>, max: number): void {
  for (const key of map.keys()) {
    if (map.size <= max) return;
    map.delete(key);
  }
}
