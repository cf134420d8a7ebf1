import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { serverScope, toolScope } from '../../../common/scope.ts';
import { callScopes } from '../../../data-plane/identity/call-scopes.ts';

const servers = ['files', 'file', 'files-2'];
const tools = ['read', 'read:all', 'files', '*'];

const scope = fc.oneof(
  fc.constantFrom('mcp:*', 'admin', 'admin:read', 'openid', 'mcp:', 'mcp:*:read', 'mcp:files:'),
  fc.constantFrom(...servers).map(serverScope),
  fc.tuple(fc.constantFrom(...servers), fc.constantFrom(...tools)).map(([server, tool]) => {
    return toolScope(server, tool);
  }),
);
const scopes = fc.array(scope, { maxLength: 5 });

/** Every server and tool that a set of scopes allows; `*` alone: the whole server. */
function allowed(list: readonly string[]): Set<string> {
  const parsed = callScopes(list);
  const found = servers.flatMap((server) => {
    const grant = parsed.on(server);
    if (grant === undefined) return [];
    const all = grant === 'server' ? [`${server} entirely`] : [];
    return [
      ...all,
      ...tools
        .filter((tool) => grant === 'server' || grant.has(tool))
        .map((tool) => `${server} ${tool}`),
    ];
  });
  return new Set(found);
}

/** What the text of a scope says, told apart by looking it up among all that could be said. */
function meant(text: string): string[] {
  return servers.flatMap((server) => {
    if (text === 'mcp:*' || text === serverScope(server)) {
      return [`${server} entirely`, ...tools.map((tool) => `${server} ${tool}`)];
    }
    return tools
      .filter((tool) => text === toolScope(server, tool))
      .map((tool) => `${server} ${tool}`);
  });
}

test('a set of scopes allows what each of them allows, and nothing else', () => {
  fc.assert(
    fc.property(scopes, (list) => {
      expect(allowed(list)).toEqual(new Set(list.flatMap(meant)));
    }),
  );
});

test('another scope never takes anything away', () => {
  fc.assert(
    fc.property(scopes, scope, (list, added) => {
      expect([...allowed([...list, added])]).toEqual(expect.arrayContaining([...allowed(list)]));
    }),
  );
});

test('no scopes, and scopes of administration, allow no call', () => {
  expect(allowed([])).toEqual(new Set());
  expect(allowed(['admin', 'admin:read', 'openid', 'profile'])).toEqual(new Set());
});
