import { type RouteBase, routeBase, routeUrl } from '../../common/route-url.ts';

/** Where the metadata of protected resources stands (RFC 9728, section 3). */
export const metadataPath = '/.well-known/oauth-protected-resource';

/**
 * The URL under which clients know this node, and what follows from it: the address of each MCP endpoint,
 * which is the audience that an access token must name, and that of its metadata.
 */
export class PublicBase {
  readonly #base: RouteBase;

  constructor(url: URL) {
    this.#base = routeBase(url);
  }

  /** Path of the base without a slash at its end; empty at the root of a host. */
  get prefix(): string {
    return this.#base.prefix;
  }

  resourceUrl(organizationSlug: string, serverSlug: string): string {
    return routeUrl(this.#base, organizationSlug, serverSlug);
  }

  /** The well-known part stands between host and path, also in front of a prefix. */
  metadataUrl(organizationSlug: string, serverSlug: string): string {
    const { origin, prefix } = this.#base;
    return `${origin}${metadataPath}${prefix}/${organizationSlug}/${serverSlug}/mcp`;
  }
}

const loopbackHosts: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '::1']);

/**
 * The configured base, or where the node listens if only this machine can reach it there. Undefined: the
 * node can't know what its clients call it, so that no token can be meant for it.
 */
export function publicBase(
  configured: URL | undefined,
  listening: { readonly host: string; readonly url: string },
): PublicBase | undefined {
  if (configured !== undefined) return new PublicBase(configured);
  return loopbackHosts.has(listening.host) ? new PublicBase(new URL(listening.url)) : undefined;
}
