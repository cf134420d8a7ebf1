import { expect, test } from '@jest/globals';
import { Registry } from 'prom-client';
import { TokenIdentifier } from '../../../data-plane/identity/token-identifier.ts';
import { defineTokenMetrics } from '../../../data-plane/identity/token-metrics.ts';
import { tokenDefaults } from '../../../data-plane/identity/token-options.ts';
import { ProxySnapshot } from '../../support/proxy-snapshot.ts';
import { issuerEntry, issuerResource, TokenSigner } from '../../support/token-issuer.ts';

test('say how many tokens were verified, known and refused, and why', async () => {
  const registry = new Registry();
  const tokens = new TokenIdentifier(tokenDefaults);
  defineTokenMetrics(registry, () => tokens.counts());
  const snapshot = new ProxySnapshot();
  const signer = await TokenSigner.create();
  const resource = issuerResource('login', 'acme', { jwks: signer.jwks, defaultRole: 'agent' });
  snapshot.issuersOf.set('acme', [issuerEntry(resource)]);
  const request = { snapshot, organizationId: 'acme', audience: 'https://gateway.example/a/b/mcp' };
  const claims = { iss: 'https://login.example', sub: 'a', aud: request.audience, iat: 1, exp: 60 };
  const text = await signer.sign({ claims });
  for (const nowMs of [2_000, 3_000, 60_000]) await tokens.identify(text, request, nowMs);
  await tokens.identify('a.b.c', request, 2_000);

  const metrics = await registry.metrics();
  for (const line of [
    'mcpgw_token_cache_hits_total 2',
    'mcpgw_token_verifications_total 1',
    'mcpgw_token_refusals_total{reason="credential_expired"} 1',
    'mcpgw_token_refusals_total{reason="credential_invalid"} 1',
    'mcpgw_token_cache_tokens 1',
    'mcpgw_token_verifications_running 0',
    'mcpgw_token_verifications_waiting 0',
  ]) {
    expect(metrics.split('\n')).toContain(line);
  }
});
