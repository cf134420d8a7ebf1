import type { EntityManager } from '@mikro-orm/postgresql';
import { textBounds } from '../../input/text-rules.ts';
import { Issuer } from '../../store/entities/issuer.ts';
import { Organization } from '../../store/entities/organization.ts';
import type { Store } from '../../store/store.ts';

/** Where people log in: nobody is known yet, so that the system role looks it up. */
async function findOrganization(em: EntityManager, slug: string): Promise<Organization | null> {
  // A longer text names none, and one with NUL can't be asked for.
  if (!/^[a-z0-9-]+$/.test(slug) || slug.length > textBounds.slugLengthMax) return null;
  return em.findOne(Organization, { slug, enabled: true });
}

/** Names of the issuers that people of an organization may log in through; none for an unknown one. */
export async function listLoginIssuers(store: Store, slug: string): Promise<string[]> {
  return store.withSystem(async (em) => {
    const organization = await findOrganization(em, slug);
    if (organization === null) return [];
    const issuers = await em.find(
      Issuer,
      { organizationId: organization.id, enabled: true, loginEnabled: true },
      { orderBy: { name: 'asc' } },
    );
    return issuers.map(({ name }) => name);
  });
}

/** An issuer that may log people in now, by names; its client id is set. */
export async function findLoginIssuer(
  em: EntityManager,
  slug: string,
  name: string,
): Promise<Issuer | null> {
  const organization = await findOrganization(em, slug);
  if (organization === null || !/^[a-z0-9-]{1,63}$/.test(name)) return null;
  return em.findOne(Issuer, {
    organizationId: organization.id,
    name,
    enabled: true,
    loginEnabled: true,
  });
}

/** The same by id, when people come back. */
export async function findLoginIssuerById(
  em: EntityManager,
  { organizationId, issuerId }: { readonly organizationId: string; readonly issuerId: string },
): Promise<Issuer | null> {
  const enabled = await em.count(Organization, { id: organizationId, enabled: true });
  if (enabled === 0) return null;
  return em.findOne(Issuer, { organizationId, id: issuerId, enabled: true, loginEnabled: true });
}
