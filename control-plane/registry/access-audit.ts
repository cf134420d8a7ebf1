import type { Logger } from '../../common/logging.ts';
import type { JsonObject } from '../audit/canonical-json.ts';
import type { AuditActor, AuditEvent } from '../store/append-audit-entry.ts';
import { recordAudit } from '../store/commit-change.ts';
import type { Store } from '../store/store.ts';

/** An operation, or a value in it, that was refused to a caller who had proved who they are. */
export interface RefusedAttempt {
  readonly actor: AuditActor;
  /** Field of the schema, such as `Mutation.createServer`. */
  readonly operation: string;
  /** What the caller would have needed. */
  readonly permission: string;
  /** The organization that the operation named; null: none. */
  readonly organizationId: string | null;
  /** Paths of the values in its input that the caller may not give, such as `role`; left out: all of it. */
  readonly values?: readonly string[];
  /** Whether the actor belongs to it: only then does its own trail tell of the attempt. */
  readonly isMember: boolean;
}

export interface AccessAuditOptions {
  readonly store: Store;
  readonly logger: Logger;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
  /** Refusals that repeat within this time are one entry with their count; default 5 minutes. */
  readonly refusalWindowMs?: number;
  /** Reading with a key is one entry for each key and address in this time; default 1 hour. */
  readonly keyUseWindowMs?: number;
}

/** Different refusals, or addresses of a key, that one actor gets entries of their own for in a window. */
const kindsOfActorMax = 20;
/** Kinds remembered over all actors. Beyond it they are counted together. */
const kindsMax = 10_000;
/** Operation of an entry that counts what had no room for an entry of its own. */
const various = 'various';

interface Counted {
  readonly event: AuditEvent;
  /** Since the entry that was written at the first one. */
  repeats: number;
}

/** What was seen in a window, by kind: the first of a kind is news, the others are counted. */
class Window {
  readonly #lengthMs: number;
  readonly #kindsOfActor = new Map<string, number>();
  #counted = new Map<string, Counted>();
  #endsAtMs = 0;

  constructor(lengthMs: number) {
    this.#lengthMs = lengthMs;
  }

  /** Ends a window that is over and hands out what repeated in it. */
  turn(nowMs: number): Counted[] {
    if (nowMs < this.#endsAtMs) return [];
    const repeated = [...this.#counted.values()].filter(({ repeats }) => repeats > 0);
    this.#counted = new Map();
    this.#kindsOfActor.clear();
    this.#endsAtMs = nowMs + this.#lengthMs;
    return repeated;
  }

  /** Hands out what repeated so far, before the window is over. */
  close(): Counted[] {
    this.#endsAtMs = 0;
    return this.turn(1);
  }

  /**
   * Counts an event. @returns the event to write now: this one when it is the first of its kind, its
   * `overflow` when it is the first that had no room; undefined when it only adds to a count.
   */
  add(kind: string, event: AuditEvent, overflow: AuditEvent): AuditEvent | undefined {
    const known = this.#counted.get(kind);
    if (known !== undefined) {
      known.repeats += 1;
      return undefined;
    }
    const actor = event.actor.id;
    const kinds = this.#kindsOfActor.get(actor) ?? 0;
    if (kinds < kindsOfActorMax && this.#counted.size < kindsMax) {
      this.#kindsOfActor.set(actor, kinds + 1);
      this.#counted.set(kind, { event, repeats: 0 });
      return event;
    }
    // One entry for each actor that does many things; when there are too many actors, one for all.
    const crowded = this.#counted.size >= 2 * kindsMax;
    const key = crowded ? various : `${various}/${actor}`;
    const counted = this.#counted.get(key);
    if (counted !== undefined) {
      counted.repeats += 1;
      return undefined;
    }
    this.#counted.set(key, { event: overflow, repeats: 0 });
    return overflow;
  }
}

/**
 * Audit entries for what changes nothing: refused attempts, and reading with an API key. Neither may flood
 * a chain that is kept for good: each replica writes the first of a kind at once, counts what repeats, and
 * writes the count when the window ends. A count that was not written yet is lost with its replica; the
 * first entry is not.
 */
export class AccessAudit {
  readonly #options: AccessAuditOptions;
  readonly #refusals: Window;
  readonly #keyUses: Window;
  readonly #timer: NodeJS.Timeout;

  constructor(options: AccessAuditOptions) {
    const { refusalWindowMs = 5 * 60 * 1000, keyUseWindowMs = 60 * 60 * 1000 } = options;
    this.#options = options;
    this.#refusals = new Window(refusalWindowMs);
    this.#keyUses = new Window(keyUseWindowMs);
    this.#timer = setInterval(() => {
      this.#turn().catch(() => undefined);
    }, refusalWindowMs);
    this.#timer.unref();
  }

  /** Resolves when the entry stands, or the attempt is counted. Never fails: the attempt is refused anyway. */
  async refused(attempt: RefusedAttempt): Promise<void> {
    const { actor, operation, permission, organizationId, isMember, values = [] } = attempt;
    await this.#turn();
    const kind = [
      ...[actor.id, actor.credential?.id, actor.clientAddress],
      ...[operation, permission, organizationId, ...values],
    ].join(' ');
    const details = {
      permission,
      ...(organizationId !== null && { organizationId }),
      ...(values.length > 0 && { values: [...values] }),
    };
    const base = { actor, action: 'access.refused' };
    const event: AuditEvent = {
      ...base,
      organizationId: isMember ? organizationId : null,
      target: { type: 'operation', id: operation },
      details,
    };
    const target = { type: 'operation', id: various };
    await this.#write(
      this.#refusals.add(kind, event, { ...base, organizationId: null, target, details: {} }),
    );
  }

  /** Notes that a key was used for administration: once for each key and address in the window. */
  async keyUsed(actor: AuditActor, organizationId: string): Promise<void> {
    await this.#turn();
    const keyId = actor.credential?.id ?? '';
    const event: AuditEvent = {
      organizationId,
      actor,
      action: 'api_key.use',
      target: { type: 'api_key', id: keyId },
    };
    const { clientAddress: _, ...anywhere } = actor;
    const kind = [keyId, actor.clientAddress].join(' ');
    const overflow = { ...event, actor: anywhere, details: { addresses: various } };
    await this.#write(this.#keyUses.add(kind, event, overflow));
  }

  /** Writes what was counted. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#writeCounts(this.#refusals.close());
  }

  async #turn(): Promise<void> {
    const nowMs = this.#options.now();
    // How often a key was used is in no entry: only that it was, from where and in which hour.
    this.#keyUses.turn(nowMs);
    await this.#writeCounts(this.#refusals.turn(nowMs));
  }

  async #writeCounts(counted: readonly Counted[]): Promise<void> {
    for (const { event, repeats } of counted) {
      const details: JsonObject = { ...event.details, repeats };
      await this.#write({ ...event, details });
    }
  }

  async #write(event: AuditEvent | undefined): Promise<void> {
    if (event === undefined) return;
    const { store, logger } = this.#options;
    const { organizationId } = event;
    try {
      if (organizationId === null) await store.withPlatform((em) => recordAudit(em, event));
      else await store.withOrganization(organizationId, (em) => recordAudit(em, event));
    } catch (error) {
      logger.error({ err: error, action: event.action }, 'an audit entry could not be written');
    }
  }
}
