import { unknownClient } from '../mcp/client-info.ts';
import { TaskTools } from '../policy/task-tools.ts';
import { accept, type Preflight } from './accept.ts';
import { type AuthorizeParts, authorize } from './authorize.ts';
import type { CallFacts } from './call-facts.ts';
import { type CallContext, CallFinisher } from './call-finisher.ts';
import type { ClientExchange } from './client-exchange.ts';
import { type ClientGone, decode } from './decode.ts';
import { type ForwardParts, forward } from './forward.ts';
import { identify } from './identify.ts';
import { limit } from './limit.ts';
import { ListChanges } from './list-changes.ts';
import { isLocalReply, type LocalReply, localReply } from './local-reply.ts';
import { OpenCalls } from './open-calls.ts';
import { OriginPolicy } from './origin-policy.ts';
import type { PipelineDependencies } from './pipeline-options.ts';
import { CallLog } from './record.ts';
import type { LongStream } from './relayed-call.ts';
import { type RequestHeaders, readRequestHeaders } from './request-headers.ts';
import type { ResourceMetadata } from './resource-metadata.ts';
import { route } from './route.ts';
import { traceIdOf } from './trace-context.ts';

const noHeaders: ReadonlyMap<string, string> = new Map();

/** Undefined: the answer is on its way. */
type Answer = LocalReply | Preflight | ResourceMetadata | ClientGone | undefined;

/** The way of a call through this node. */
export interface Pipeline {
  /** Answers one request, whatever it is. Never throws and never rejects. */
  handle(exchange: ClientExchange): void;
  /** Ends the long streams in order, so that their clients come back on another node. */
  drain(): void;
  /**
   * Ends calls in progress that may no longer go on, and announces changed lists. Called at each new snapshot,
   * and each second.
   */
  recheck(): void;
}

/** Makes the pipeline of a node. */
export function createPipeline(dependencies: PipelineDependencies): Pipeline {
  const { options, publicBase, recorder, tokens, upstreams, clock, newId, logger } = dependencies;
  const policy = new OriginPolicy(options);
  const finisher = new CallFinisher(recorder, logger);
  const streams = new Set<LongStream>();
  let draining = false;
  const present = () => {
    const snapshot = dependencies.snapshots.current();
    return snapshot && { snapshot, nowMs: clock.nowMs(), viewAgeMs: dependencies.viewAgeMs() };
  };
  const openCalls = new OpenCalls(present, (error) => {
    logger.error({ err: error }, 'a call could not be ended in order');
  });
  const authorizeParts: AuthorizeParts = {
    recorder,
    decisionCounts: dependencies.decisionCounts,
    taskTools: new TaskTools(),
  };
  const currentSnapshot = () => dependencies.snapshots.current();
  const listChanges = new ListChanges(currentSnapshot, (error) => {
    logger.error({ err: error }, 'a change of lists could not be announced');
  });
  const parts: ForwardParts = { dependencies, finisher, streams, openCalls, listChanges };

  /** The whole way. Each stage returns what the next one takes, or the reply that ends the call. */
  async function run(
    context: CallContext,
    exchange: ClientExchange,
    headers: RequestHeaders,
  ): Promise<Answer> {
    const accepted = accept(exchange, headers, context.facts, policy, publicBase());
    if (accepted.kind !== 'accepted') return accepted;

    // Before decode: an unknown caller's body is never buffered.
    const outcome = identify(accepted, tokens, clock.nowMs());
    const identified = outcome instanceof Promise ? await outcome : outcome;
    if (isLocalReply(identified)) return identified;

    const decoded = await decode(identified, options);
    if (decoded.kind !== 'decoded') return decoded;

    const routed = route(decoded, upstreams.picker);
    if (isLocalReply(routed)) return routed;

    const permit = authorize(routed, authorizeParts, {
      nowMs: clock.nowMs(),
      viewAgeMs: dependencies.viewAgeMs(),
    });
    if (isLocalReply(permit)) return permit;

    const admitted = limit(permit, { open: streams.size, max: options.streamsMax, draining });
    if (isLocalReply(admitted)) return admitted;

    return forward(admitted, context, parts);
  }

  function begin({ head, reply }: ClientExchange, headers: RequestHeaders): CallContext {
    const facts: CallFacts = {
      callId: newId(),
      traceId: traceIdOf(headers.traceparent) ?? newId().replaceAll('-', ''),
      startedAtMs: clock.nowMs(),
      startedMs: clock.monotonicMs(),
      clientAddress: head.clientAddress,
      httpMethod: head.method,
      // One snapshot decides the whole call.
      snapshot: dependencies.snapshots.current(),
      organization: undefined,
      principal: undefined,
      document: undefined,
      requestId: undefined,
      messages: [],
      era: undefined,
      client: unknownClient,
      policyHeaders: noHeaders,
      taskTool: '',
      decided: undefined,
      recordedArguments: undefined,
      serverId: '',
      endpointId: '',
      requestBytes: 0,
      replyHeaders: {},
    };
    return { facts, reply, log: new CallLog(facts, recorder, newId, clock.monotonicMs) };
  }

  /** The one place that catches. */
  function handle(exchange: ClientExchange): void {
    const headers = readRequestHeaders(exchange.head.rawHeaders);
    const context = begin(exchange, headers);
    run(context, exchange, headers).then(
      (answer) => conclude(context, answer),
      (error: unknown) => {
        logger.error({ err: error, traceId: context.facts.traceId }, 'call failed');
        finisher.reply(context, localReply('internal_error'), true);
      },
    );
  }

  function conclude(context: CallContext, answer: Answer): void {
    if (answer === undefined) return;
    if (answer.kind === 'preflight') context.reply.send(204, answer.headers, undefined);
    else if (answer.kind === 'resource-metadata') {
      context.reply.send(answer.status, answer.headers, answer.body);
    } else if (answer.kind === 'client-gone') finisher.abandon(context);
    else finisher.reply(context, answer, false);
  }

  return {
    handle,
    drain() {
      draining = true;
      for (const stream of streams) stream.drain();
    },
    recheck() {
      openCalls.recheck();
      listChanges.recheck();
    },
  };
}
