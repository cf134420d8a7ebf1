import type { Logger } from '../../common/logging.ts';
import type { Store } from '../store/store.ts';

export interface KeyUsageOptions {
  readonly store: Store;
  readonly logger: Logger;
  /** How long uses collect before they are written. */
  readonly flushIntervalMs: number;
}

interface Use {
  readonly organizationId: string;
  readonly keyId: string;
  /** ISO 8601. */
  readonly at: string;
}

/** Keys remembered between two flushes; beyond it, uses of further keys wait for the next call. */
const keysMax = 50_000;

/**
 * Notes when API keys were last used, to the minute. It stands apart from the records: a use that is lost
 * with its process is no loss of a record, and no batch waits for the row of a busy key.
 */
export class KeyUsage {
  readonly #options: KeyUsageOptions;
  readonly #timer: NodeJS.Timeout;
  #uses = new Map<string, Use>();

  constructor(options: KeyUsageOptions) {
    this.#options = options;
    this.#timer = setInterval(() => {
      this.flush().catch((error: unknown) => this.#failed(error));
    }, options.flushIntervalMs);
  }

  note(use: Use): void {
    const before = this.#uses.get(use.keyId);
    if (before ? before.at >= use.at : this.#uses.size >= keysMax) return;
    this.#uses.set(use.keyId, use);
  }

  async flush(): Promise<void> {
    if (this.#uses.size === 0) return;
    const uses = this.#uses;
    this.#uses = new Map();
    await this.#options.store.withSystem((em) =>
      em.execute(
        `with used as (
           select * from jsonb_to_recordset(?::jsonb)
             as u("organizationId" uuid, "keyId" text, at timestamptz)
         ), due as (
           select k.organization_id, k.id, least(u.at, now()) as at from api_keys k
           join used u on u."keyId" = k.key_id and u."organizationId" = k.organization_id
           where k.last_used_at is null or k.last_used_at < u.at - interval '1 minute'
           for update of k skip locked
         )
         update api_keys k set last_used_at = due.at from due
         where k.organization_id = due.organization_id and k.id = due.id`,
        [JSON.stringify([...uses.values()])],
      ),
    );
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush().catch((error: unknown) => this.#failed(error));
  }

  #failed(error: unknown): void {
    this.#options.logger.warn({ err: error }, 'the last use of API keys could not be written');
  }
}
