import { contracts } from '../../common/contracts.ts';
import { canonicalMessage, canonicalSet } from './canonical-message.ts';
import { type CompiledResource, compiledResource } from './compiled-resource.ts';

/** What of an organization's row reaches nodes. */
export interface OrganizationRow {
  readonly id: string;
  readonly slug: string;
  readonly enabled: boolean;
  readonly mustAudit: boolean;
  readonly allowedOrigins: readonly string[];
  /** Null: its calls are never refused for an old view. */
  readonly staleAfterSeconds: number | null;
}

/**
 * A disabled organization is streamed as such instead of being removed: a node must be able to tell
 * "disabled" from "never heard of".
 */
export function organizationResource(row: OrganizationRow): CompiledResource {
  const body = contracts.resources.Organization.serialize(
    canonicalMessage({
      id: row.id,
      slug: row.slug,
      enabled: row.enabled,
      mustAudit: row.mustAudit,
      allowedOrigins: canonicalSet(row.allowedOrigins),
      staleAfterSeconds: row.staleAfterSeconds ?? 0,
    }),
  );
  return compiledResource({
    type: 'Organization',
    name: row.id,
    scope: { organizationId: row.id, serverIds: [] },
    body,
  });
}
