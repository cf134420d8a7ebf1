import type {
  UpstreamFailure,
  UpstreamHead,
  UpstreamRequest,
  UpstreamTransport,
} from '../upstream-transport.ts';

/** The body of a refusal; `write` says whether more is wanted, `end` comes once. */
export interface RefusalBody {
  write(chunk: Buffer): boolean;
  end(): void;
}

/** What becomes of a message to an HTTP+SSE server. One of the three comes, once. */
export interface PostOutcome {
  accepted(): void;
  /** The server answered with a status of 300 or more. */
  refused(head: UpstreamHead): RefusalBody;
  failed(failure: UpstreamFailure): void;
}

/** An acknowledgment is a word at most. */
const acknowledgmentBytesMax = 65_536;

/** Headers of Streamable HTTP that mean nothing to the server, or something else. */
const ownHeaders: ReadonlySet<string> = new Set(['accept', 'mcp-session-id', 'last-event-id']);

/** Sends one message to the address that the server named for it. */
export function postMessage(
  transport: UpstreamTransport,
  request: UpstreamRequest,
  address: URL,
  outcome: PostOutcome,
): void {
  let settled = false;
  let refusal: RefusalBody | undefined;
  let bytesLeft = acknowledgmentBytesMax;
  const exchange = transport.open(
    {
      ...request,
      endpoint: { ...request.endpoint, url: address },
      method: 'POST',
      headers: messageHeaders(request.headers),
      // The answer comes elsewhere, so silence here is never that of a working tool.
      idleTimeoutMs: request.headTimeoutMs,
    },
    {
      onHead: (head) => {
        settled = true;
        if (head.status < 300) outcome.accepted();
        else refusal = outcome.refused(head);
      },
      onData: (chunk) => {
        bytesLeft -= chunk.length;
        const wanted = refusal?.write(chunk) ?? true;
        if (wanted && bytesLeft > 0) return;
        exchange.abort();
        refusal?.end();
      },
      onEnd: () => refusal?.end(),
      onFailure: (failure) => {
        // What breaks off after the status changes nothing: the message has been taken or refused.
        if (settled) refusal?.end();
        else outcome.failed(failure);
      },
    },
  );
}

function messageHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !ownHeaders.has(name)));
}
