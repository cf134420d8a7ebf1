import { contracts } from '../../common/contracts.ts';
import { canonicalMessage, canonicalSet } from './canonical-message.ts';
import { type CompiledResource, compiledResource } from './compiled-resource.ts';

/** What of a policy reaches nodes. One that is not enabled is never compiled. */
export interface PolicyRow {
  readonly id: string;
  readonly organizationId: string;
  readonly name: string;
  readonly revision: number;
  readonly effect: 'allow' | 'deny';
  readonly mode: 'enforce' | 'shadow';
  readonly position: number;
  readonly message: string;
  readonly servers: readonly string[];
  readonly methods: readonly string[];
  readonly tools: readonly string[];
  readonly resources: readonly string[];
  readonly prompts: readonly string[];
  readonly roles: readonly string[];
  readonly subjects: readonly string[];
  readonly apiKeys: readonly string[];
  readonly condition: string;
  /** Servers whose slug stands in `servers` to the letter. */
  readonly serverIds: readonly string[];
}

const effects = { allow: 'POLICY_EFFECT_ALLOW', deny: 'POLICY_EFFECT_DENY' } as const;
const modes = { enforce: 'POLICY_MODE_ENFORCE', shadow: 'POLICY_MODE_SHADOW' } as const;

/**
 * The servers that a node closes when it can't use the policy; none: all of the organization's. One name that
 * is a pattern, or no server's yet, could be any server's tomorrow.
 */
function targetedServers({ servers, serverIds }: PolicyRow): string[] {
  return new Set(servers).size === serverIds.length ? canonicalSet(serverIds) : [];
}

/**
 * Whatever is wrong with a row is left to the nodes, which deny in its place: a policy that were left out
 * here would deny nothing.
 */
export function policyResource(row: PolicyRow): CompiledResource {
  const body = contracts.resources.Policy.serialize(
    canonicalMessage({
      id: row.id,
      organizationId: row.organizationId,
      name: row.name,
      condition: row.condition,
      revision: row.revision,
      effect: effects[row.effect],
      mode: modes[row.mode],
      position: row.position,
      message: row.message,
      servers: canonicalSet(row.servers),
      methods: canonicalSet(row.methods),
      tools: canonicalSet(row.tools),
      resources: canonicalSet(row.resources),
      prompts: canonicalSet(row.prompts),
      roles: canonicalSet(row.roles),
      subjects: canonicalSet(row.subjects),
      apiKeys: canonicalSet(row.apiKeys),
    }),
  );
  return compiledResource({
    type: 'Policy',
    name: row.id,
    scope: { organizationId: row.organizationId, serverIds: targetedServers(row) },
    body,
  });
}
