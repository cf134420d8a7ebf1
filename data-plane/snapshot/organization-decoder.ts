import { contracts } from '../../common/contracts.ts';
import {
  expectEnvelope,
  expectId,
  expectSlug,
  parseBody,
  type ResourceDecoder,
} from './resource-decoder.ts';
import type { OrganizationEntry } from './snapshot.ts';
import { ViolationList } from './violation.ts';

const allowedOriginsMax = 100;

/** Exact serialization of an http or https origin, as a browser sends it (RFC 6454, section 6.2). */
function isOrigin(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return (url.protocol === 'http:' || url.protocol === 'https:') && url.origin === text;
}

/** Decodes an `Organization`; its name in the stream is its id. */
export const decodeOrganization: ResourceDecoder<OrganizationEntry> = (resource) => {
  const parsed = parseBody(
    'Organization',
    resource.body,
    contracts.resources.Organization.deserialize,
  );
  if (!parsed.ok) return parsed;
  const { id, slug, enabled, mustAudit, allowedOrigins, staleAfterSeconds } = parsed.value;
  const violations = new ViolationList();
  expectEnvelope(violations, resource, { name: id, organizationId: id });
  expectId(violations, 'id', id);
  expectSlug(violations, 'slug', slug);
  violations.expect(
    allowedOrigins.length <= allowedOriginsMax,
    'allowed_origins',
    `must have at most ${allowedOriginsMax} items`,
  );
  for (const [index, origin] of allowedOrigins.slice(0, allowedOriginsMax).entries()) {
    violations.expect(
      isOrigin(origin),
      `allowed_origins[${index}]`,
      'must be an exact http or https origin, such as https://app.example.com',
    );
  }
  return violations.decoded(() => ({
    id,
    slug,
    enabled,
    mustAudit,
    allowedOrigins: new Set(allowedOrigins),
    staleAfterMs: staleAfterSeconds === 0 ? undefined : staleAfterSeconds * 1000,
  }));
};
