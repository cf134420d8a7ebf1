import type { PolicyDefinition } from '../store/entities/policy-revision.ts';

/** The names of everything that a policy says, in the order in which people read them. */
export const definitionNames = [
  'name',
  'description',
  'effect',
  'mode',
  'enabled',
  'message',
  'servers',
  'methods',
  'tools',
  'resources',
  'prompts',
  'roles',
  'subjects',
  'apiKeys',
  'condition',
] as const satisfies readonly (keyof PolicyDefinition)[];

/** What a policy says, copied. */
export function definitionOf(policy: PolicyDefinition): PolicyDefinition {
  const copy = Object.fromEntries(definitionNames.map((name) => [name, policy[name]]));
  return structuredClone(copy) as unknown as PolicyDefinition;
}
