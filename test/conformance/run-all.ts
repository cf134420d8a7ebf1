import path from 'node:path';
import type { StartGateway } from '../support/client-gateway.ts';
import { startReference } from '../support/client-upstreams.ts';
import { startAuthorizationShim } from '../support/conformance-shim.ts';
import type { Comparison } from './report.ts';
import { runSuite } from './run-suite.ts';
import { suites } from './suites.ts';

/**
 * Runs every suite against the reference upstream, and, when `startGateway` is given, against the same
 * upstream behind the gateway. Two suites never run at once: their checks have time limits of their own.
 */
export async function runAll(
  outFolder: string,
  startGateway: StartGateway | undefined,
): Promise<Comparison[]> {
  await using cleanup = new AsyncDisposableStack();
  const upstream = await startReference();
  cleanup.defer(() => upstream.stop());
  const gatewayUrl = startGateway && (await gatewayRoute(startGateway, upstream.url, cleanup));

  const comparisons: Comparison[] = [];
  for (const suite of suites) {
    const folder = path.join(outFolder, suite.name);
    const direct = await runSuite(suite, upstream.url, path.join(folder, 'direct'));
    const through = gatewayUrl
      ? await runSuite(suite, gatewayUrl, path.join(folder, 'through'))
      : undefined;
    comparisons.push({ suite, direct, through });
  }
  return comparisons;
}

/** URL at a shim that adds the credential; the gateway behind it sees the shim's Host, as clients send it. */
async function gatewayRoute(
  startGateway: StartGateway,
  upstreamUrl: string,
  cleanup: AsyncDisposableStack,
): Promise<string> {
  const shim = await startAuthorizationShim();
  cleanup.defer(() => shim.close());
  const gateway = await startGateway({ allowedHosts: [shim.host] });
  cleanup.defer(() => gateway.close());
  const route = await gateway.serve({ slug: 'reference', url: upstreamUrl });
  const target = new URL(route.url);
  shim.forwardTo(target, route.apiKey);
  return shim.url(target.pathname);
}
