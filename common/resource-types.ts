/** Every type of resource that the control plane streams, in the order in which a node applies them. */
export const resourceTypes = [
  'Organization',
  'Issuer',
  'ApiKey',
  'Server',
  'SealKeyRing',
  'ToolPin',
  'Policy',
  'RateLimit',
  'Revocation',
] as const;

export type ResourceType = (typeof resourceTypes)[number];

/** Types that restrict: what a refused resource of these targets is denied, whereas of the others the last good stays. */
export const failClosedTypes: ReadonlySet<ResourceType> = new Set([
  'Policy',
  'RateLimit',
  'Revocation',
]);

export function isResourceType(name: string): name is ResourceType {
  return (resourceTypes as readonly string[]).includes(name);
}
