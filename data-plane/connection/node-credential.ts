import { readFile } from 'node:fs/promises';
import { credentialId } from '../../common/credential.ts';
import type { Logger } from '../../common/logging.ts';

export interface NodeCredentialOptions {
  /** File with the node token and nothing else but white space around it. */
  readonly file: string;
  /** How often the file is looked at, so that a rotated token is used without a restart. */
  readonly pollIntervalMs: number;
  readonly logger: Logger;
}

type Listener = () => void;

async function readToken(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Error(
      `The node token can’t be read from ${file} (${error.code}). Create one in the control plane and put it there, or set MCPGW_NODE_CREDENTIAL_FILE.`,
      { cause: error },
    );
  });
  const token = text.trim();
  if (credentialId('nodeToken', token) === undefined) {
    throw new Error(`${file} holds no node token: it is mistyped or cut short.`);
  }
  return token;
}

/**
 * The node's token, by which the control plane knows it. The file is the truth: whoever rotates the
 * token replaces the file, and the node follows.
 */
export class NodeCredential {
  readonly #options: NodeCredentialOptions;
  readonly #listeners = new Set<Listener>();
  readonly #timer: NodeJS.Timeout;
  #token: string;
  #reading = false;

  constructor(options: NodeCredentialOptions, token: string) {
    this.#options = options;
    this.#token = token;
    this.#timer = setInterval(() => void this.refresh(), options.pollIntervalMs);
    this.#timer.unref();
  }

  token(): string {
    return this.#token;
  }

  /** Calls `listener` after the token changed; returns what ends that. */
  onChange(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Looks at the file now. One that can't be read, or is being written, leaves the token as it is. */
  async refresh(): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    try {
      const token = await readToken(this.#options.file);
      if (token === this.#token) return;
      this.#token = token;
      this.#options.logger.info({ file: this.#options.file }, 'the node token has been rotated');
      for (const listener of [...this.#listeners]) listener();
    } catch (error) {
      this.#options.logger.warn(
        { err: error },
        'the node token can’t be read again; the last one stays',
      );
    } finally {
      this.#reading = false;
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#listeners.clear();
  }
}

/**
 * Reads the token and watches its file.
 * @throws when the file can't be read or holds no well-formed node token.
 */
export async function openNodeCredential(options: NodeCredentialOptions): Promise<NodeCredential> {
  return new NodeCredential(options, await readToken(options.file));
}
