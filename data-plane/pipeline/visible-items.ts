import type { PolicyCall, PolicyPin } from '../../common/policy/policy-call.ts';
import { resourceReadings } from '../../common/policy/resource-uri.ts';
import type { VisibilityQuery } from '../../common/policy/visibility-query.ts';
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

function coveredByScopes(grant: ServerGrant, list: ItemList, name: string): boolean {
  if (grant === 'server') return true;
  return list === 'tools' && grant !== undefined && grant.has(name);
}

function mayUse(
  query: VisibilityQuery,
  list: ItemList,
  name: string,
  pinOf: (tool: string) => PolicyPin | undefined,
): boolean {
  switch (list) {
    case 'tools':
      return query.mayUse('tools/call', { kind: 'tool', name }, pinOf(name));
    case 'prompts':
      return query.mayUse('prompts/get', { kind: 'prompt', name }, undefined);
    case 'resources':
      // Who may read a resource may do so by each reading of its URI.
      return resourceReadings(name).every((reading) =>
        query.mayUse('resources/read', { kind: 'resource', name: reading }, undefined),
      );
    case 'resourceTemplates':
      return query.mayReadSomeOf(name);
  }
}

/** Undefined: the caller could use everything that the server has. */
export function visibleItems(onlooker: Onlooker): VisibleItems | undefined {
  const { organization, server, snapshot, scopes, caller } = onlooker;
  const grant = callScopes(scopes).on(server.slug);
  const policies = snapshot.policies(organization);
  if (grant === 'server' && !policies.narrows) return undefined;
  let query: VisibilityQuery | undefined;
  const pinOf = (tool: string) => snapshot.toolPin(server.id, tool);
  return {
    shows(list, name) {
      if (!coveredByScopes(grant, list, name)) return false;
      if (!policies.narrows) return true;
      query ??= policies.visibility(caller());
      return mayUse(query, list, name, pinOf);
    },
  };
}
