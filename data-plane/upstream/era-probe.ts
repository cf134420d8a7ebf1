import { EventReader } from './event-reader.ts';
import { isEventStream } from './upstream-headers.ts';
import type {
  UpstreamExchange,
  UpstreamFailure,
  UpstreamHead,
  UpstreamRequest,
  UpstreamTransport,
} from './upstream-transport.ts';

/** What came back for one JSON-RPC request. */
export type ProbeAnswer =
  | { readonly kind: 'failed'; readonly failure: UpstreamFailure }
  | {
      readonly kind: 'answered';
      readonly head: UpstreamHead;
      /** The first JSON-RPC response, or undefined when the body holds none. */
      readonly response: ProbeResponse | undefined;
    };

/** The parts of a JSON-RPC response that tell an era. */
interface ProbeResponse {
  readonly result: Readonly<Record<string, unknown>> | undefined;
  readonly error: { readonly code: unknown; readonly data: unknown } | undefined;
}

/** Sends one request and reads its answer, as JSON or as an event stream, up to a bound. */
export function probe(
  transport: UpstreamTransport,
  request: UpstreamRequest,
  answerBytesMax: number,
): Promise<ProbeAnswer> {
  return new Promise((resolve) => {
    new ProbeReader(answerBytesMax, resolve).open(transport, request);
  });
}

class ProbeReader {
  readonly #answerBytesMax: number;
  readonly #resolve: (answer: ProbeAnswer) => void;
  readonly #events: EventReader;
  #exchange: UpstreamExchange | undefined;
  #head: UpstreamHead | undefined;
  #body: Buffer[] = [];
  #bytes = 0;

  constructor(answerBytesMax: number, resolve: (answer: ProbeAnswer) => void) {
    this.#answerBytesMax = answerBytesMax;
    this.#resolve = resolve;
    this.#events = new EventReader(answerBytesMax, ({ data }) => {
      const response = readResponse(data);
      if (response !== undefined) this.#answer(response);
    });
  }

  open(transport: UpstreamTransport, request: UpstreamRequest): void {
    this.#exchange = transport.open(request, {
      onHead: (head) => {
        this.#head = head;
      },
      onData: (chunk) => this.#onData(chunk),
      onEnd: () => this.#answer(readResponse(Buffer.concat(this.#body).toString())),
      onFailure: (failure) => {
        // An answer that breaks off still has its status; without one the endpoint is out of reach.
        if (this.#head === undefined) this.#resolve({ kind: 'failed', failure });
        else this.#answer(undefined);
      },
    });
  }

  #onData(chunk: Buffer): void {
    this.#bytes += chunk.length;
    const streamed = this.#head !== undefined && isEventStream(this.#head.headers);
    if (this.#bytes > this.#answerBytesMax) this.#answer(undefined);
    else if (streamed) this.#events.read(chunk);
    else this.#body.push(chunk);
  }

  #answer(response: ProbeResponse | undefined): void {
    if (this.#head !== undefined) this.#resolve({ kind: 'answered', head: this.#head, response });
    this.#exchange?.abort();
  }
}

function readResponse(text: string): ProbeResponse | undefined {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(message) || 'method' in message) return undefined;
  const { result, error } = message;
  if (isRecord(result)) return { result, error: undefined };
  if (!isRecord(error)) return undefined;
  return { result: undefined, error: { code: error['code'], data: error['data'] } };
}

/** Whether a value is a JSON object. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
