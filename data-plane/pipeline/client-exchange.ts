/** Head of a client's request, as received: the pipeline walks its raw headers once. */
export interface RequestHead {
  readonly method: string;
  /** Request target as it stands on the request line. */
  readonly target: string;
  /** Names and values in turn, in the order and case of the wire. */
  readonly rawHeaders: readonly string[];
  readonly clientAddress: string;
}

/** Why a body could not be had: too many bytes, too slow, or the client went away. */
export type BodyFailure = 'too_large' | 'timeout' | 'aborted';

export interface RequestBody {
  /**
   * The whole body, read only when asked for: an unknown caller's is never buffered. Refuses by the
   * announced length before a byte is read, and by the count when there is none.
   */
  read(bytesMax: number, timeoutMs: number): Promise<Buffer | BodyFailure>;
}

/** Headers of a reply; names in the case to be written. */
export type ReplyHeaders = Readonly<Record<string, string>>;

export interface Reply {
  /** Bytes of the body handed over so far. */
  readonly bytesWritten: number;
  /** True once the client is gone or the reply has ended. */
  readonly closed: boolean;
  /** Writes the head at once, so that a client knows of a stream before its first event. */
  begin(status: number, headers: ReplyHeaders): void;
  /** False: wait for `onDrain` before writing more. */
  write(chunk: Buffer): boolean;
  /** The last byte. */
  end(): void;
  /** A reply as a whole, in one write. */
  send(status: number, headers: ReplyHeaders, body: Buffer | undefined): void;
  /** Cuts the connection: the client sees that the answer is not complete. */
  destroy(): void;
  onDrain(listener: () => void): void;
  /** Called once when the client went away before the reply ended. */
  onAborted(listener: () => void): void;
}

/** One request and its reply, whatever carries them. */
export interface ClientExchange {
  readonly head: RequestHead;
  readonly body: RequestBody;
  readonly reply: Reply;
}
