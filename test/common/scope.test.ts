import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseScope, scopeLengthMax, serverScope, toolScope } from '../../common/scope.ts';

const slug = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/);
/** Names as upstreams may give them: any text, and those that look like parts of a scope. */
const tool = fc
  .oneof(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
    fc.string({ unit: fc.constantFrom('a', ':', '*', '%', '2', 'F', '/', ' ', '"', '\\', '.') }),
    fc.constantFrom('*', 'admin', 'mcp:*', 'a:b', '%3A', '%', 'a b', '‮', '\u0000'),
  )
  .filter((name) => name.length > 0 && name.isWellFormed());
/** Texts near the grammar: one edit away from a scope, or made of its parts. */
const nearScope = fc
  .array(fc.constantFrom('mcp', 'admin', ':', '*', 'read', 'files', '%20', '%', ' ', '-', 'A'), {
    maxLength: 6,
  })
  .map((parts) => parts.join(''));

function textOf(scope: ReturnType<typeof parseScope>): string | undefined {
  if (scope === undefined) return undefined;
  if (scope.kind === 'admin') return scope.readOnly ? 'admin:read' : 'admin';
  if (scope.server === undefined) return 'mcp:*';
  if (scope.tool === undefined) return serverScope(scope.server);
  return toolScope(scope.server, scope.tool);
}

describe('a scope', () => {
  test.each([
    ['mcp:*', { kind: 'call', server: undefined, tool: undefined }],
    ['mcp:files', { kind: 'call', server: 'files', tool: undefined }],
    ['mcp:files:read_file', { kind: 'call', server: 'files', tool: 'read_file' }],
    ['mcp:files:a:b/c', { kind: 'call', server: 'files', tool: 'a:b/c' }],
    ['mcp:files:we%20ird', { kind: 'call', server: 'files', tool: 'we ird' }],
    ['mcp:files:*', { kind: 'call', server: 'files', tool: '*' }],
    ['admin', { kind: 'admin', readOnly: false }],
    ['admin:read', { kind: 'admin', readOnly: true }],
  ])('%s is read', (text, meaning) => {
    expect(parseScope(text)).toEqual(meaning);
  });

  test.each([
    '',
    'openid',
    'mcp',
    'mcp:',
    'mcp::tool',
    'mcp:*:tool',
    'mcp:**',
    'mcp:Files',
    'mcp:-files',
    'mcp:files:',
    'mcp:files:a b',
    'mcp:files:a"b',
    'mcp:files:a\\b',
    'mcp:files:%2F',
    'mcp:files:%61',
    'mcp:files:%e2%82%ac',
    'mcp:files:%',
    'mcp:files:%FF',
    'mcp:files:é',
    'MCP:files',
    'admin:',
    'admin:write',
    'admin:*',
    ' admin',
    'admin\n',
    `mcp:files:${'x'.repeat(scopeLengthMax)}`,
  ])('%j is none', (text) => {
    expect(parseScope(text)).toBeUndefined();
  });
});

describe('whatever a server and its tools are called', () => {
  test('a scope names the server and the tool that it was made for', () => {
    fc.assert(
      fc.property(slug, tool, (server, name) => {
        const text = toolScope(server, name);
        const expected = { kind: 'call', server, tool: name };
        expect(parseScope(text)).toEqual(text.length > scopeLengthMax ? undefined : expected);
        expect(parseScope(serverScope(server))).toEqual({ ...expected, tool: undefined });
      }),
    );
  });

  test('scopes for two tools, or for a tool and a server, are two texts', () => {
    fc.assert(
      fc.property(slug, tool, slug, tool, (server, name, otherServer, otherName) => {
        const same = server === otherServer && name === otherName;
        expect(toolScope(server, name) === toolScope(otherServer, otherName)).toBe(same);
        expect(toolScope(server, name)).not.toBe(serverScope(otherServer));
      }),
    );
  });

  test('a tool’s scope can stand in the list of OAuth (RFC 6749, section 3.3)', () => {
    fc.assert(
      fc.property(slug, tool, (server, name) => {
        expect(toolScope(server, name)).toMatch(/^[\x21\x23-\x5b\x5d-\x7e]+$/);
      }),
    );
  });
});

describe('any text', () => {
  test('that is read is spelled in the one way in which it is written', () => {
    fc.assert(
      fc.property(fc.oneof(nearScope, fc.string({ unit: 'binary' })), (text) => {
        const spelled = textOf(parseScope(text));
        expect(spelled === undefined || spelled === text).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test('gives administration only when it is one of the two scopes for it', () => {
    fc.assert(
      fc.property(nearScope, (text) => {
        const isAdmin = parseScope(text)?.kind === 'admin';
        expect(isAdmin).toBe(text === 'admin' || text === 'admin:read');
      }),
      { numRuns: 2000 },
    );
  });
});
