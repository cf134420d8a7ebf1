/**
 * What a credential may be used for, as the space-separated scopes of OAuth (RFC 6749, section 3.3) and in
 * the list of an API key:
 *
 * - `mcp:*` everything on every server of the organization
 * - `mcp:{server}` everything on one server, by slug
 * - `mcp:{server}:{tool}` one tool, with what a session needs to get there: no prompts, resources, tasks
 * - `admin` everything that the account's role allows in the GraphQL API
 * - `admin:read` its queries and subscriptions alone
 *
 * Scopes only narrow what the caller's roles and the organization's policies allow. Scopes of other
 * vocabularies (`openid`, `profile`) say nothing here.
 */
export type Scope =
  | {
      readonly kind: 'call';
      readonly server: string | undefined;
      readonly tool: string | undefined;
    }
  | { readonly kind: 'admin'; readonly readOnly: boolean };

/** Longest scope, in characters: the longest slug and the longest tool name fit. */
export const scopeLengthMax = 320;

const slug = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
/** A tool's name, with what OAuth doesn't allow in a scope percent-encoded. */
const toolText = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/** The scope for one tool of a server. */
export function toolScope(server: string, tool: string): string {
  return `mcp:${server}:${encodeTool(tool)}`;
}

/** The scope for a whole server. */
export function serverScope(server: string): string {
  return `mcp:${server}`;
}

function encodeTool(tool: string): string {
  // A lone surrogate can't be encoded; no upstream names a tool so, and no scope matches it.
  return encodeURIComponent(tool.toWellFormed()).replaceAll('%2F', '/').replaceAll('%3A', ':');
}

function decodeTool(text: string): string | undefined {
  try {
    const tool = decodeURIComponent(text);
    return encodeTool(tool) === text ? tool : undefined;
  } catch {
    return undefined;
  }
}

/** What a scope means here, or undefined when it is none of ours or malformed. */
export function parseScope(text: string): Scope | undefined {
  if (text.length > scopeLengthMax) return undefined;
  if (text === 'admin' || text === 'admin:read') {
    return { kind: 'admin', readOnly: text === 'admin:read' };
  }
  if (!text.startsWith('mcp:')) return undefined;
  const rest = text.slice('mcp:'.length);
  if (rest === '*') return { kind: 'call', server: undefined, tool: undefined };
  const colon = rest.indexOf(':');
  const server = colon < 0 ? rest : rest.slice(0, colon);
  if (!slug.test(server)) return undefined;
  if (colon < 0) return { kind: 'call', server, tool: undefined };
  const encoded = rest.slice(colon + 1);
  const tool = toolText.test(encoded) ? decodeTool(encoded) : undefined;
  return tool === undefined ? undefined : { kind: 'call', server, tool };
}
