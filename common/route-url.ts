/** What of a public URL the addresses of routes are made of. */
export interface RouteBase {
  readonly origin: string;
  /** Path without a slash at its end; empty at the root of a host. */
  readonly prefix: string;
}

export function routeBase(publicUrl: URL): RouteBase {
  return { origin: publicUrl.origin, prefix: publicUrl.pathname.replace(/\/+$/, '') };
}

/**
 * The URL of a server's MCP endpoint as clients know it. An access token names it as its audience: whoever
 * issues one and whoever checks it must compose it to the letter alike.
 */
export function routeUrl(
  { origin, prefix }: RouteBase,
  organizationSlug: string,
  serverSlug: string,
): string {
  return `${origin}${prefix}/${organizationSlug}/${serverSlug}/mcp`;
}
