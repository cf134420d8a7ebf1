import {
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type StatusObject,
  type status,
} from '@grpc/grpc-js';
import { contracts, grpcMessageBytesMax } from '../../common/contracts.ts';
import type { Acknowledgment } from '../../proto/gen/mcpgw/discovery/v1/Acknowledgment.ts';
import type { ControlMessageInput } from '../../proto/gen/mcpgw/discovery/v1/ControlMessage.ts';
import type { Hello } from '../../proto/gen/mcpgw/discovery/v1/Hello.ts';
import type { NodeMessage } from '../../proto/gen/mcpgw/discovery/v1/NodeMessage.ts';
import type { Resource } from '../../proto/gen/mcpgw/discovery/v1/Resource.ts';
import type { ResourceNameInput } from '../../proto/gen/mcpgw/discovery/v1/ResourceName.ts';
import type { TypeDigestInput } from '../../proto/gen/mcpgw/discovery/v1/TypeDigest.ts';
import type { EventAcknowledgmentInput } from '../../proto/gen/mcpgw/events/v1/EventAcknowledgment.ts';
import type { EventBatch } from '../../proto/gen/mcpgw/events/v1/EventBatch.ts';
import { digestsOf } from './control-plane-double-resources.ts';

const waitMsMax = 10_000;

/** What came and wasn't taken yet; taking waits, with a bound. */
class Inbox<Item> {
  readonly #items: Item[] = [];
  readonly #takers: ((item: Item) => void)[] = [];

  put(item: Item): void {
    const taker = this.#takers.shift();
    if (taker === undefined) this.#items.push(item);
    else taker(item);
  }

  get size(): number {
    return this.#items.length;
  }

  async take(what: string): Promise<Item> {
    const item = this.#items.shift();
    if (item !== undefined) return item;
    const { promise, resolve, reject } = Promise.withResolvers<Item>();
    const timer = setTimeout(() => reject(new Error(`no ${what} came`)), waitMsMax);
    this.#takers.push(resolve);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }
}

interface RangeScript {
  readonly from: number;
  readonly to: number;
  readonly resources?: readonly Resource[];
  readonly removed?: readonly ResourceNameInput[];
  /** The whole set at `to`, of which the commit's digests are computed; or the digests themselves. */
  readonly set?: readonly Resource[];
  readonly digests?: readonly TypeDigestInput[];
  readonly chunkSize?: number;
}

/** The control plane's end of one stream; the test plays it. */
class StreamDouble<Request, Response> {
  readonly token: string;
  /** Resolves when the node ended or lost the stream. */
  readonly gone: Promise<void>;
  protected readonly call: ServerDuplexStream<Request, Response>;
  readonly #inbox = new Inbox<Request>();

  constructor(call: ServerDuplexStream<Request, Response>) {
    this.call = call;
    this.token = String(call.metadata.get('authorization')[0] ?? '');
    this.gone = new Promise((resolve) => {
      for (const event of ['cancelled', 'end', 'error']) call.on(event, resolve);
    });
    call.on('error', () => undefined);
    call.on('data', (message: Request) => this.#inbox.put(message));
  }

  get unread(): number {
    return this.#inbox.size;
  }

  next(): Promise<Request> {
    return this.#inbox.take('message of the node');
  }

  send(message: Response): void {
    this.call.write(message);
  }

  end(): void {
    this.call.end();
  }

  fail(code: status, details: string): void {
    const error: Partial<StatusObject> = { code, details };
    this.call.emit('error', error);
  }
}

export class ConfigStreamDouble extends StreamDouble<NodeMessage, ControlMessageInput> {
  async hello(): Promise<Hello> {
    const { hello } = await this.next();
    if (!hello) throw new Error('the node did not begin with Hello');
    return hello;
  }

  async acknowledgment(): Promise<Acknowledgment> {
    const { acknowledgment } = await this.next();
    if (!acknowledgment) throw new Error('the node sent something else than an acknowledgment');
    return acknowledgment;
  }

  welcome(
    epoch: string,
    more: { heartbeatIntervalMs?: number; epochChanged?: boolean } = {},
  ): void {
    this.send({
      welcome: {
        epoch,
        nodeName: 'node-1',
        nodeId: 'node-id-1',
        nodeGroup: 'default',
        heartbeatIntervalMs: 1000,
        ...more,
      },
    });
  }

  /** Sends a range; with `cutAfterChunks` it stops before the commit marker. */
  range(script: RangeScript, cutAfterChunks = Number.POSITIVE_INFINITY): void {
    const { from, to, resources = [], removed = [], chunkSize = 1000 } = script;
    const chunkCount = Math.max(1, Math.ceil(resources.length / chunkSize));
    for (let index = 0; index < Math.min(chunkCount, cutAfterChunks); index += 1) {
      const isLast = index === chunkCount - 1;
      const digests = [...(script.digests ?? digestsOf(script.set ?? resources))];
      this.send({
        rangeChunk: {
          fromRevision: from,
          toRevision: to,
          index,
          resources: resources.slice(index * chunkSize, (index + 1) * chunkSize),
          removedResources: isLast ? [...removed] : [],
          commit: isLast
            ? { nonce: `nonce-${to}`, systemVersionInfo: `epoch/${to}`, digests }
            : null,
        },
      });
    }
  }

  heartbeat(feedReadAtMs: number, sentAtMs: number, revision: number): void {
    this.send({ heartbeat: { feedReadAtMs, sentAtMs, revision } });
  }
}

export class EventStreamDouble extends StreamDouble<EventBatch, EventAcknowledgmentInput> {
  acknowledge(spoolId: string, acknowledgedSequence: number): void {
    this.send({ spoolId, acknowledgedSequence });
  }
}

/** A real gRPC server whose side of each stream a test plays. */
export class ControlPlaneDouble {
  readonly address: string;
  readonly #server: Server;
  readonly #configStreams: Inbox<ConfigStreamDouble>;
  readonly #eventStreams: Inbox<EventStreamDouble>;

  private constructor(
    address: string,
    server: Server,
    configStreams: Inbox<ConfigStreamDouble>,
    eventStreams: Inbox<EventStreamDouble>,
  ) {
    this.address = address;
    this.#server = server;
    this.#configStreams = configStreams;
    this.#eventStreams = eventStreams;
  }

  /** Listens on a free loopback port, or on the given one. */
  static async start(
    options: { port?: number; credentials?: ServerCredentials } = {},
  ): Promise<ControlPlaneDouble> {
    const server = new Server({
      'grpc.max_receive_message_length': grpcMessageBytesMax,
      'grpc.max_send_message_length': grpcMessageBytesMax,
    });
    const configStreams = new Inbox<ConfigStreamDouble>();
    const eventStreams = new Inbox<EventStreamDouble>();
    server.addService(contracts.discovery.ConfigDiscovery.service, {
      StreamConfig: (call: ServerDuplexStream<NodeMessage, ControlMessageInput>) => {
        configStreams.put(new ConfigStreamDouble(call));
      },
    });
    server.addService(contracts.events.EventIngest.service, {
      StreamEvents: (call: ServerDuplexStream<EventBatch, EventAcknowledgmentInput>) => {
        eventStreams.put(new EventStreamDouble(call));
      },
    });
    const credentials = options.credentials ?? ServerCredentials.createInsecure();
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    server.bindAsync(`127.0.0.1:${options.port ?? 0}`, credentials, (error, port) => {
      if (error) reject(error);
      else resolve(port);
    });
    const port = await promise;
    return new ControlPlaneDouble(`127.0.0.1:${port}`, server, configStreams, eventStreams);
  }

  get port(): number {
    return Number(this.address.split(':')[1]);
  }

  nextConfigStream(): Promise<ConfigStreamDouble> {
    return this.#configStreams.take('config stream');
  }

  nextEventStream(): Promise<EventStreamDouble> {
    return this.#eventStreams.take('event stream');
  }

  /** As a killed process: every connection breaks. */
  close(): void {
    this.#server.forceShutdown();
  }
}
