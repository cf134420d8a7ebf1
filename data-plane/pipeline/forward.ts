import { isSupportedModernVersion, modernVersions } from '../mcp/protocol-version.ts';
import type { EndpointEntry } from '../snapshot/snapshot.ts';
import { EndpointAttempts } from '../upstream/endpoint-attempts.ts';
import type { UpstreamFailure } from '../upstream/upstream-transport.ts';
import type { CallContext, CallFinisher } from './call-finisher.ts';
import { sendCancelled } from './cancelled-notification.ts';
import { type ClientGone, releaseRequest, unsupportedVersion } from './decode.ts';
import { type Admitted, isLongStream } from './limit.ts';
import type { ListChanges } from './list-changes.ts';
import { type LocalReply, localReply } from './local-reply.ts';
import type { OpenCalls } from './open-calls.ts';
import type { PipelineDependencies } from './pipeline-options.ts';
import { Relay } from './relay.ts';
import type { LongStream } from './relayed-call.ts';
import { type UpstreamCall, upstreamCall } from './upstream-call.ts';

/** What `forward` shares with every call of the node. */
export interface ForwardParts {
  readonly dependencies: PipelineDependencies;
  readonly finisher: CallFinisher;
  readonly streams: Set<LongStream>;
  readonly openCalls: OpenCalls;
  readonly listChanges: ListChanges;
}

/** A GET or DELETE at a server that knows no sessions at all. */
function bodilessRefusal(call: Admitted, parts: ForwardParts): LocalReply | undefined {
  const { server, decoded } = call.permit.routed;
  const [endpoint] = server.endpoints;
  if (decoded.messages.length > 0 || endpoint === undefined) return undefined;
  const modern = parts.dependencies.upstreams.eras.known(server, endpoint) === 'modern';
  return modern ? localReply('method_not_allowed', { headers: { Allow: 'POST' } }) : undefined;
}

/** A modern call for a server of the older era: the client falls back to `initialize`. */
async function eraRefusal(
  call: Admitted,
  endpoint: EndpointEntry,
  parts: ForwardParts,
): Promise<LocalReply | undefined> {
  const { server, decoded } = call.permit.routed;
  const { eras } = parts.dependencies.upstreams;
  if (decoded.era === 'legacy') return bodilessRefusal(call, parts);
  const era = eras.known(server, endpoint) ?? (await eras.eraOf(server, endpoint));
  if (era === 'legacy') return localReply('era_not_supported');
  const version = decoded.version ?? '';
  return isSupportedModernVersion(version)
    ? undefined
    : unsupportedVersion(version, modernVersions);
}

/** One call on its way, over as many endpoints as it takes until something of it has been sent. */
class Forwarding {
  readonly #call: Admitted;
  readonly #context: CallContext;
  readonly #parts: ForwardParts;
  readonly #attempts: EndpointAttempts;
  /** Undefined once it has arrived: an idle stream holds no request. */
  #upstream: UpstreamCall | undefined;
  #relay: Relay | undefined;

  constructor(
    call: Admitted,
    context: CallContext,
    parts: ForwardParts,
    attempts: EndpointAttempts,
  ) {
    this.#call = call;
    this.#context = context;
    this.#parts = parts;
    this.#attempts = attempts;
    this.#upstream = upstreamCall(call, parts.dependencies.newId);
  }

  begin(endpoint: EndpointEntry): void {
    this.#context.reply.onAborted(() => this.#relay?.clientClosed());
    if (this.#upstream !== undefined) this.#open(endpoint, this.#upstream);
  }

  #open(endpoint: EndpointEntry, { headers, body }: UpstreamCall): void {
    const { dependencies, finisher, streams, openCalls, listChanges } = this.#parts;
    const { options, clock, snapshots, upstreams, logger } = dependencies;
    const { server, decoded } = this.#call.permit.routed;
    this.#context.facts.endpointId = endpoint.id;
    const relay = new Relay(this.#call, endpoint, this.#context, {
      options,
      finisher,
      logger,
      eras: upstreams.eras,
      streams,
      openCalls,
      listChanges,
      monotonicMs: clock.monotonicMs,
      nowMs: clock.nowMs,
      snapshots,
      retry: (failure) => this.#retry(failure),
      forwarded: () => this.#forwarded(),
      cancel: () => sendCancelled(this.#call, endpoint, upstreams.transport),
    });
    this.#relay = relay;
    // The body, a token's key or the upstream's era may have taken time to find out.
    const refusal = openCalls.add(relay);
    if (refusal !== undefined) {
      relay.release();
      finisher.reply(this.#context, refusal, false);
      return;
    }
    const exchange = upstreams.transport.open(
      {
        server,
        endpoint,
        method: decoded.identified.accepted.method,
        headers,
        body,
        headTimeoutMs: server.requestTimeoutMs ?? options.headTimeoutMs,
        idleTimeoutMs: isLongStream(this.#call.permit)
          ? 0
          : (server.requestTimeoutMs ?? options.idleTimeoutMs),
      },
      relay,
    );
    relay.attach(exchange);
  }

  /** A session lives on one endpoint; everything else may go to another while nothing was sent. */
  #retry(failure: UpstreamFailure): boolean {
    if (this.#call.permit.routed.session !== undefined || this.#context.reply.closed) return false;
    const next = this.#attempts.afterFailure(failure);
    if (next === undefined || this.#upstream === undefined) return false;
    this.#open(next, this.#upstream);
    return true;
  }

  #forwarded(): void {
    this.#upstream = undefined;
    releaseRequest(this.#call.permit.routed.decoded);
  }
}

/**
 * Sends an admitted call to its upstream and lets the answer flow back.
 *
 * @returns a reply when the call can't be sent at all; undefined once the answer is on its way.
 */
export async function forward(
  call: Admitted,
  context: CallContext,
  parts: ForwardParts,
): Promise<LocalReply | ClientGone | undefined> {
  const { server, session } = call.permit.routed;
  const { upstreams, options } = parts.dependencies;
  const attempts = new EndpointAttempts(upstreams.picker, server, options.attemptsMax);
  const endpoint = session?.endpoint ?? attempts.first();
  if (endpoint === undefined) return localReply('endpoint_unavailable');
  const refusal = await eraRefusal(call, endpoint, parts);
  if (refusal !== undefined) return refusal;
  if (context.reply.closed) return { kind: 'client-gone' };
  new Forwarding(call, context, parts, attempts).begin(endpoint);
  return undefined;
}
