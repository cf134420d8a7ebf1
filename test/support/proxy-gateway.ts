import type { GatewayUnderTest, GatewayUnderTestOptions } from './client-gateway.ts';
import { ProxyHarness } from './proxy-harness.ts';

/** The call path alone as a gateway under test: no control plane, no process of its own. */
export async function startProxyGateway(
  options: GatewayUnderTestOptions,
): Promise<GatewayUnderTest> {
  const harness = await new ProxyHarness({
    pipeline: { allowedHosts: options.allowedHosts },
  }).start();
  return {
    serve: async ({ slug, url }) => ({ url: harness.serve(slug, url), apiKey: harness.key }),
    close: () => harness.close(),
  };
}
