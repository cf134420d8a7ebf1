import type { PolicyCall } from '../../common/policy/policy-call.ts';
import { resourceReadings } from '../../common/policy/resource-uri.ts';
import type { ItemTarget, VisibilityQuery } from '../../common/policy/visibility-query.ts';
import { callScopes, type ServerGrant } from '../identity/call-scopes.ts';
import type { ItemList } from '../mcp/answer-places.ts';
import type { OrganizationEntry, ServerEntry, Snapshot } from '../snapshot/snapshot.ts';

/** What of a server's lists their caller could use. */
export interface VisibleItems {
  /** `name` is what the items of the list are known by; of resources their URI. */
  shows(list: ItemList, name: string): boolean;
}

/** Who looks at what, by which snapshot. */
export interface Onlooker {
  readonly organization: OrganizationEntry;
  readonly server: ServerEntry;
  readonly snapshot: Snapshot;
  readonly scopes: readonly string[];
  /** How policies see the caller; made only where there are any. */
  readonly caller: () => Pick<PolicyCall, 'principal' | 'server' | 'request' | 'nowMs'>;
}

/** By what an item of a list is used, and as what policies know it. */
const uses = {
  tools: { method: 'tools/call', kind: 'tool' },
  prompts: { method: 'prompts/get', kind: 'prompt' },
  resources: { method: 'resources/read', kind: 'resource' },
  resourceTemplates: { method: 'resources/read', kind: 'resource' },
} as const;

function coveredByScopes(grant: ServerGrant, list: ItemList, name: string): boolean {
  if (grant === 'server') return true;
  return list === 'tools' && grant !== undefined && grant.has(name);
}

/** Undefined: the caller could use everything that the server has. */
export function visibleItems(onlooker: Onlooker): VisibleItems | undefined {
  const { organization, server, snapshot, scopes, caller } = onlooker;
  const grant = callScopes(scopes).on(server.slug);
  const policies = snapshot.policies(organization);
  if (grant === 'server' && !policies.narrows) return undefined;
  let query: VisibilityQuery | undefined;
  const mayUse = (method: string, target: ItemTarget) => {
    query ??= policies.visibility(caller());
    const pin = target.kind === 'tool' ? snapshot.toolPin(server.id, target.name) : undefined;
    return query.mayUse(method, target, pin);
  };
  return {
    shows(list, name) {
      if (!coveredByScopes(grant, list, name)) return false;
      if (!policies.narrows) return true;
      const { method, kind } = uses[list];
      // Whoever may read a resource may do so by each reading of its URI.
      const names = kind === 'resource' ? resourceReadings(name) : [name];
      return names.every((one) => mayUse(method, { kind, name: one }));
    },
  };
}
