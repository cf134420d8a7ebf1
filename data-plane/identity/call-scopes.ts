import { parseScope } from '../../common/scope.ts';

/** What scopes allow on one server: all of it, some tools with what a session needs, or nothing. */
export type ServerGrant = 'server' | ReadonlySet<string> | undefined;

/** The scopes of one credential, parsed. Scopes that say nothing about calls are none of them. */
export class CallScopes {
  #everyServer = false;
  readonly #servers = new Set<string>();
  readonly #tools = new Map<string, Set<string>>();

  constructor(scopes: readonly string[]) {
    for (const text of scopes) {
      const scope = parseScope(text);
      if (scope?.kind === 'call') this.#add(scope.server, scope.tool);
    }
  }

  on(server: string): ServerGrant {
    if (this.#everyServer || this.#servers.has(server)) return 'server';
    return this.#tools.get(server);
  }

  #add(server: string | undefined, tool: string | undefined): void {
    if (server === undefined) {
      this.#everyServer = true;
    } else if (tool === undefined) {
      this.#servers.add(server);
    } else {
      const tools = this.#tools.get(server) ?? new Set();
      this.#tools.set(server, tools.add(tool));
    }
  }
}

/** By the list itself: a key's entry and a verified token each hold one for as long as they count. */
const parsed = new WeakMap<readonly string[], CallScopes>();

/** What a credential's scopes mean; parsed once for each credential, not for each call. */
export function callScopes(scopes: readonly string[]): CallScopes {
  const known = parsed.get(scopes);
  if (known !== undefined) return known;
  const made = new CallScopes(scopes);
  parsed.set(scopes, made);
  return made;
}
