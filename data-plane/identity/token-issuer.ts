import { type IssuerEntry, platform } from '../snapshot/issuer.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';

/**
 * The issuer of this name that counts in an organization: the gateway itself, or one that the organization
 * trusts. The gateway comes first, so that no organization can speak in its name.
 *
 * @param organizationId undefined: there is no such organization.
 */
export function issuerFor(
  snapshot: Snapshot,
  organizationId: string | undefined,
  name: string,
): IssuerEntry | undefined {
  const own = snapshot.issuer(platform, name);
  if (own !== undefined || organizationId === undefined) return own;
  return snapshot.issuer(organizationId, name);
}
