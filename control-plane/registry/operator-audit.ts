import type { AuditActor } from '../store/append-audit-entry.ts';
import { recordAudit } from '../store/commit-change.ts';
import { Organization } from '../store/entities/organization.ts';
import type { Store } from '../store/store.ts';

export interface OperatorAuditOptions {
  /** The store that works for nobody in particular. */
  readonly store: Pick<Store, 'withOrganization'>;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
}

/** Further visits of an operator to an organization, from the same address, are the same one. */
const visitMs = 60 * 60 * 1000;
/** Visits remembered; beyond it all are forgotten, and told again. */
const visitsMax = 10_000;

interface Visit {
  readonly endsAtMs: number;
  readonly written: Promise<void>;
}

/**
 * Tells an organization which operators look at it who are no members: they pass its own roles, and what they
 * only read leaves no other trace. One entry for each operator and address in an hour, at each replica.
 */
export class OperatorAudit {
  readonly #options: OperatorAuditOptions;
  readonly #visits = new Map<string, Visit>();

  constructor(options: OperatorAuditOptions) {
    this.#options = options;
  }

  /** Resolves once the entry stands. Fails when it can't be written: nobody gets in unseen. */
  async entered(actor: AuditActor, organizationId: string): Promise<void> {
    const nowMs = this.#options.now();
    const key = [actor.id, actor.clientAddress, organizationId].join(' ');
    const known = this.#visits.get(key);
    if (known !== undefined && nowMs < known.endsAtMs) return known.written;
    if (this.#visits.size >= visitsMax) this.#visits.clear();
    const visit = { endsAtMs: nowMs + visitMs, written: this.#write(actor, organizationId) };
    this.#visits.set(key, visit);
    try {
      await visit.written;
    } catch (error) {
      this.#visits.delete(key);
      throw error;
    }
  }

  async #write(actor: AuditActor, organizationId: string): Promise<void> {
    await this.#options.store.withOrganization(organizationId, async (em) => {
      // An id that somebody made up has no audit trail.
      if ((await em.count(Organization, { id: organizationId })) === 0) return;
      await recordAudit(em, {
        organizationId,
        actor,
        action: 'operator.access',
        target: { type: 'organization', id: organizationId },
      });
    });
  }
}
