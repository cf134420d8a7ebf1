import { createHmac } from 'node:crypto';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Secret } from '../store/secret.ts';
import { addressBlock } from './address-block.ts';
import {
  afterFailure,
  blockedForMs,
  type ThrottleBounds,
  type ThrottleState,
} from './throttle-rule.ts';

export interface LoginThrottleOptions {
  /** Keys the hashes of accounts and addresses. Another key forgets what failed so far. */
  readonly key: Secret<Uint8Array>;
  readonly account: ThrottleBounds;
  readonly address: ThrottleBounds;
  /** Log-ins of one address that went to an issuer and have not come back. */
  readonly away: ThrottleBounds;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
}

/** Who tries, and from where. */
export interface PasswordAttempt {
  /** In the form in which it is stored. */
  readonly email: string;
  readonly clientAddress: string;
}

/** An attempt that may be made, and counts as failed until it is taken back. */
export interface CountedAttempt extends PasswordAttempt {
  readonly address: ThrottleState;
  /** Undefined: made from where the account usually is, which no stranger's failures block. */
  readonly account: ThrottleState | undefined;
}

export type BegunAttempt =
  | { readonly kind: 'counted'; readonly attempt: CountedAttempt }
  | { readonly kind: 'blocked'; readonly retryAfterMs: number };

interface ThrottleRow {
  readonly key: Buffer;
  readonly failures: number;
  readonly window_ends_at: Date;
  readonly blocked_until: Date | null;
}

/** Addresses that an account was lately used from. */
const knownOriginsMax = 100;

function stateOf(row: ThrottleRow): ThrottleState {
  return {
    failures: row.failures,
    windowEndsAtMs: new Date(row.window_ends_at).getTime(),
    blockedUntilMs: row.blocked_until === null ? null : new Date(row.blocked_until).getTime(),
  };
}

/**
 * Slows down whoever guesses passwords, by account and by address, for all replicas together: the counts
 * are rows in PostgreSQL, under a keyed hash. An attempt is counted before its password is checked, so
 * that many at once don't slip through, and is taken back when it was right.
 *
 * A stranger who keeps failing for an account blocks it for strangers alone: from an address where the
 * account has logged in by password lately, only the address's own failures count. Nobody can lock a person
 * out of where they usually are; elsewhere a block ends after `blockMsMax`.
 */
export class LoginThrottle {
  readonly #options: LoginThrottleOptions;

  constructor(options: LoginThrottleOptions) {
    this.#options = options;
  }

  /** Counts an attempt as failed, unless it may not be made now. */
  async begin(em: EntityManager, attempt: PasswordAttempt): Promise<BegunAttempt> {
    const nowMs = this.#options.now();
    const accountKey = this.#accountOf(attempt);
    const addressKey = this.#addressOf(attempt);
    const states = await this.#lock(em, [accountKey, addressKey]);
    const accountBefore = states.get(accountKey.toString('hex'));
    const addressBefore = states.get(addressKey.toString('hex'));
    const accountBlockedMs = blockedForMs(accountBefore, nowMs);
    const isExempt = accountBlockedMs > 0 && (await this.#isKnownOrigin(em, attempt));
    const retryAfterMs = Math.max(
      blockedForMs(addressBefore, nowMs),
      isExempt ? 0 : accountBlockedMs,
    );
    if (retryAfterMs > 0) return { kind: 'blocked', retryAfterMs };
    const address = afterFailure(addressBefore, this.#options.address, nowMs);
    await this.#write(em, addressKey, address);
    const account = isExempt
      ? undefined
      : afterFailure(accountBefore, this.#options.account, nowMs);
    if (account !== undefined) await this.#write(em, accountKey, account);
    return { kind: 'counted', attempt: { ...attempt, address, account } };
  }

  /** The password was right: the account starts anew. Its address keeps the failures that were others'. */
  async succeeded(em: EntityManager, attempt: CountedAttempt): Promise<void> {
    await this.forgetAccount(em, attempt.email);
    await this.#takeBack(em, this.#addressOf(attempt), attempt.address);
  }

  /** The password was never looked at. */
  async undo(em: EntityManager, attempt: CountedAttempt): Promise<void> {
    const { account, address } = attempt;
    if (account !== undefined) await this.#takeBack(em, this.#accountOf(attempt), account);
    await this.#takeBack(em, this.#addressOf(attempt), address);
  }

  /** The account has a new password: what failed before says nothing. */
  async forgetAccount(em: EntityManager, email: string): Promise<void> {
    await em.execute('delete from login_throttles where key = ?', [this.#hash('account', email)]);
  }

  /** How long an address may present no tokens (for refresh, reset, invitation); 0: it may. */
  async tokensBlockedForMs(em: EntityManager, clientAddress: string): Promise<number> {
    const rows = await em.execute<ThrottleRow[]>(
      'select key, failures, window_ends_at, blocked_until from login_throttles where key = ?',
      [this.#hash('token_address', addressBlock(clientAddress))],
    );
    return blockedForMs(rows.map(stateOf)[0], this.#options.now());
  }

  /** An address presented a token that nobody was given. */
  async tokenFailed(em: EntityManager, clientAddress: string): Promise<void> {
    const key = this.#hash('token_address', addressBlock(clientAddress));
    const states = await this.#lock(em, [key]);
    const { address, now } = this.#options;
    await this.#write(em, key, afterFailure(states.get(key.toString('hex')), address, now()));
  }

  /**
   * Counts a log-in that goes to an issuer, until it comes back: anybody can begin one, and each is kept for
   * ten minutes. @returns how long the address has to wait instead, in milliseconds; 0: it need not.
   */
  async leaves(em: EntityManager, clientAddress: string): Promise<number> {
    const key = this.#hash('away_address', addressBlock(clientAddress));
    const before = (await this.#lock(em, [key])).get(key.toString('hex'));
    const { away, now } = this.#options;
    const retryAfterMs = blockedForMs(before, now());
    if (retryAfterMs === 0) await this.#write(em, key, afterFailure(before, away, now()));
    return retryAfterMs;
  }

  /** A log-in came back from its issuer, whatever comes of it. */
  async returns(em: EntityManager, clientAddress: string): Promise<void> {
    await this.#uncount(em, this.#hash('away_address', addressBlock(clientAddress)), null);
  }

  #hash(space: 'account' | 'address' | 'token_address' | 'away_address', subject: string): Buffer {
    return createHmac('sha256', this.#options.key.reveal()).update(`${space}\0${subject}`).digest();
  }

  #accountOf({ email }: PasswordAttempt): Buffer {
    return this.#hash('account', email);
  }

  #addressOf({ clientAddress }: PasswordAttempt): Buffer {
    return this.#hash('address', addressBlock(clientAddress));
  }

  /** Locks rows until the transaction ends, in one order for all; makes those that are missing. */
  async #lock(em: EntityManager, keys: readonly Buffer[]): Promise<Map<string, ThrottleState>> {
    const ordered = [...keys].sort(Buffer.compare);
    const rows = await em.execute<ThrottleRow[]>(
      `insert into login_throttles as t (key, failures, window_ends_at)
       values ${ordered.map(() => `(?, 1, 'epoch')`).join(', ')}
       on conflict (key) do update set failures = t.failures
       returning key, failures, window_ends_at, blocked_until`,
      ordered,
    );
    return new Map(rows.map((row) => [row.key.toString('hex'), stateOf(row)]));
  }

  async #write(em: EntityManager, key: Buffer, state: ThrottleState): Promise<void> {
    const { failures, windowEndsAtMs, blockedUntilMs } = state;
    await em.execute(
      'update login_throttles set failures = ?, window_ends_at = ?, blocked_until = ? where key = ?',
      [
        failures,
        new Date(windowEndsAtMs),
        blockedUntilMs === null ? null : new Date(blockedUntilMs),
        key,
      ],
    );
  }

  /** Uncounts one attempt, and the block that it caused; one that a later failure caused stays. */
  #takeBack(em: EntityManager, key: Buffer, { blockedUntilMs }: ThrottleState): Promise<void> {
    return this.#uncount(em, key, blockedUntilMs);
  }

  async #uncount(em: EntityManager, key: Buffer, blockedUntilMs: number | null): Promise<void> {
    await em.execute(
      `update login_throttles set failures = greatest(failures - 1, 1),
         window_ends_at = case when failures = 1 then 'epoch' else window_ends_at end,
         blocked_until = nullif(blocked_until, ?)
       where key = ?`,
      [blockedUntilMs === null ? null : new Date(blockedUntilMs), key],
    );
  }

  /** Sessions that an organization's issuer vouched for tell nothing: its admins decide whom it names. */
  async #isKnownOrigin(em: EntityManager, attempt: PasswordAttempt): Promise<boolean> {
    const rows = await em.execute<{ client_address: string }[]>(
      `select s.client_address from sessions s join users u on u.id = s.user_id
       where u.email = ? and s.organization_id is null order by s.created_at desc limit ?`,
      [attempt.email, knownOriginsMax],
    );
    const block = addressBlock(attempt.clientAddress);
    return rows.some(({ client_address: address }) => addressBlock(address) === block);
  }
}
