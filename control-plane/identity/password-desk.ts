import { hashPassword, verifyPassword } from './password.ts';

/** Too many passwords wait to be hashed; the caller may try again in a second. */
export class PasswordWorkExhausted extends Error {
  constructor() {
    super('Too many passwords are being checked.');
    this.name = 'PasswordWorkExhausted';
  }
}

export interface PasswordDeskOptions {
  /** Passwords hashed at the same time; each takes 19 MiB and a thread of libuv's pool of four. */
  readonly concurrencyMax: number;
  /** Callers that may wait for their turn; the next one is refused. */
  readonly waitingMax: number;
}

/**
 * Hashes and checks passwords, a bounded number at a time: without the bound a burst of logins would take
 * 19 MiB each and every thread that file and DNS work needs.
 */
export interface PasswordDesk {
  /** @throws {PasswordWorkExhausted} */
  hash(password: string): Promise<string>;
  /**
   * Checks against a stored hash; `undefined` stands for an account that does not exist and costs the
   * same work, so that the time of an answer tells nothing.
   * @throws {PasswordWorkExhausted}
   */
  verify(password: string, phc: string | undefined): Promise<boolean>;
}

export function createPasswordDesk(options: PasswordDeskOptions): PasswordDesk {
  let running = 0;
  const waiting: (() => void)[] = [];
  // Made beforehand: the first stranger's answer must not take longer than the next.
  const placeholder = hashPassword('no account has this password');

  async function turn<T>(work: () => Promise<T>): Promise<T> {
    if (running >= options.concurrencyMax) {
      if (waiting.length >= options.waitingMax) throw new PasswordWorkExhausted();
      // The one who ends hands its place over, so `running` is not counted again here.
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else {
      running += 1;
    }
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  }

  return {
    hash: (password) => turn(() => hashPassword(password)),
    async verify(password, phc) {
      const instead = await placeholder;
      const stored = phc ?? instead;
      const matches = await turn(() => verifyPassword(password, stored));
      return matches && phc !== undefined;
    },
  };
}
