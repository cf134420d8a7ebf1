import type { OrganizationEntry } from '../snapshot/snapshot.ts';
import type { PipelineOptions } from './pipeline-options.ts';

const loopbackNames: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Host name of a Host header's value, without its port. */
function hostName(host: string): string {
  return host.replace(/:\d*$/, '');
}

/**
 * Which names this node answers to and which browser origins may call it. Without the Host check, a page
 * of an attacker whose name resolves to our address would be same-origin with us (DNS rebinding); and a
 * gateway that rewrites Host hides that from the servers behind it.
 */
export class OriginPolicy {
  readonly #hosts: ReadonlySet<string>;
  readonly #origins: ReadonlySet<string>;

  constructor(options: PipelineOptions) {
    const { publicUrl } = options;
    const own = publicUrl === undefined ? [] : [publicUrl.host, publicUrl.hostname];
    this.#hosts = new Set([...options.allowedHosts, ...own].map((host) => host.toLowerCase()));
    const ownOrigin = publicUrl === undefined ? [] : [publicUrl.origin];
    this.#origins = new Set([...options.allowedOrigins, ...ownOrigin]);
  }

  allowsHost(header: string | undefined): boolean {
    if (header === undefined) return false;
    const host = header.toLowerCase();
    const name = hostName(host);
    return loopbackNames.has(name) || this.#hosts.has(host) || this.#hosts.has(name);
  }

  /** A request without an Origin comes from no browser. */
  allowsOrigin(
    origin: string | undefined,
    host: string | undefined,
    organization: OrganizationEntry | undefined,
  ): boolean {
    if (origin === undefined) return true;
    if (this.#origins.has(origin) || organization?.allowedOrigins.has(origin)) return true;
    // A page served from this machine may call a gateway that it reaches on this machine.
    return isLoopbackOrigin(origin) && loopbackNames.has(hostName((host ?? '').toLowerCase()));
  }
}

function isLoopbackOrigin(origin: string): boolean {
  const match = /^https?:\/\/([^/]+)$/.exec(origin);
  return match?.[1] !== undefined && loopbackNames.has(hostName(match[1]));
}
