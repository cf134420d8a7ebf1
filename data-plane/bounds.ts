import type { z } from 'zod';
import { accessTokenBounds } from '../common/access-token-bounds.ts';
import { count, milliseconds } from '../common/setting-types.ts';
import { tokenDefaults } from './identity/token-options.ts';
import { listenerDefaults } from './listener/listener-options.ts';
import { pipelineDefaults } from './pipeline/pipeline-options.ts';
import { upstreamDefaults } from './upstream/upstream-options.ts';

const kilobyte = 1024;
const gigabyte = 1024 ** 3;
const day = 86_400_000;

function time(fallback: number, text: string): z.ZodDefault<z.ZodNumber> {
  return milliseconds(1, day).default(fallback).describe(text);
}

function bytes(fallback: number, text: string): z.ZodDefault<z.ZodNumber> {
  return count(kilobyte, gigabyte).default(fallback).describe(text);
}

function number(fallback: number, text: string): z.ZodDefault<z.ZodNumber> {
  return count(1, 1_000_000).default(fallback).describe(text);
}

/** Bounds of the side that agents see. */
export const proxyBounds = {
  proxyHeaderBytesMax: bytes(listenerDefaults.headerBytesMax, 'All headers of a request.'),
  proxyHeadersMax: number(listenerDefaults.headersMax, 'Header fields of a request.'),
  proxyHeadersTimeoutMs: time(listenerDefaults.headersTimeoutMs, 'Until headers are whole.'),
  proxyRequestTimeoutMs: time(listenerDefaults.requestTimeoutMs, 'Until a request is whole.'),
  proxyKeepAliveTimeoutMs: time(
    listenerDefaults.keepAliveTimeoutMs,
    'How long an unused connection is kept.',
  ),
  proxyConnectionsMax: number(listenerDefaults.connectionsMax, 'Open connections.'),
  proxyClientBufferBytes: bytes(
    listenerDefaults.clientBufferBytes,
    'Bytes of an answer that wait for a slow client before its upstream is held back.',
  ),
  proxyLingerTimeoutMs: time(
    listenerDefaults.lingerTimeoutMs,
    'How long what a refused client still sends is read, so that it sees the answer.',
  ),
  proxyLingerBytesMax: bytes(listenerDefaults.lingerBytesMax, 'Bytes that are read so at most.'),
  proxyBodyBytesMax: bytes(pipelineDefaults.bodyBytesMax, 'Largest body of a request.'),
  proxyBodyTimeoutMs: time(pipelineDefaults.bodyTimeoutMs, 'Until a body is whole.'),
  proxyJsonDepthMax: number(pipelineDefaults.jsonDepthMax, 'Deepest nesting of a body.'),
  proxyBatchMessagesMax: number(pipelineDefaults.batchMessagesMax, 'Messages of a batch.'),
  proxyStreamsMax: number(pipelineDefaults.streamsMax, 'Long streams open on the node.'),
  proxyStallTimeoutMs: time(
    pipelineDefaults.stallTimeoutMs,
    'How long a client may take nothing of an answer that waits for it.',
  ),
  proxyLongStreamMs: time(
    pipelineDefaults.longStreamMs,
    'A stream that lasts longer writes a record at its start and at its end.',
  ),
};

/** Bounds on access tokens. */
export const tokenBounds = {
  tokenClockSkewMs: milliseconds(0, accessTokenBounds.clockSkewMsMax)
    .default(tokenDefaults.clockSkewMs)
    .describe('How far an issuer’s clock may be ahead of the node’s. Expiry is exact.'),
  tokenCacheTokensMax: number(
    tokenDefaults.cacheTokensMax,
    'Verified access tokens that are kept until they expire.',
  ),
  tokenCacheBytesMax: bytes(tokenDefaults.cacheBytesMax, 'Bytes that these may take, roughly.'),
  tokenVerificationsMax: number(
    tokenDefaults.verificationsMax,
    'Signatures of access tokens that are checked at the same time.',
  ),
  tokenVerificationsWaitingMax: number(
    tokenDefaults.verificationsWaitingMax,
    'Access tokens that wait for that; one more is refused.',
  ),
};

/** Bounds of the side that upstreams see; counts are for each endpoint. */
export const upstreamBounds = {
  upstreamConnectTimeoutMs: time(upstreamDefaults.connectTimeoutMs, 'Until TCP and TLS stand.'),
  upstreamHeadTimeoutMs: time(pipelineDefaults.headTimeoutMs, 'Until the response head.'),
  upstreamIdleTimeoutMs: time(pipelineDefaults.idleTimeoutMs, 'Silence within an answer.'),
  upstreamAttemptsMax: number(
    pipelineDefaults.attemptsMax,
    'Endpoints tried for a call while nothing of it has been sent.',
  ),
  upstreamCallsMax: number(upstreamDefaults.callsMax, 'Calls in flight.'),
  upstreamQueuedCallsMax: number(upstreamDefaults.queuedCallsMax, 'Calls that wait for a place.'),
  upstreamStreamsMax: number(upstreamDefaults.streamsMax, 'Open event streams.'),
  upstreamKeepAliveTimeoutMs: time(
    upstreamDefaults.keepAliveTimeoutMs,
    'How long an unused connection is kept.',
  ),
  upstreamHeaderBytesMax: bytes(
    upstreamDefaults.responseHeadersBytesMax,
    'All headers of a response.',
  ),
  upstreamPoolIdleMs: time(
    upstreamDefaults.poolIdleMs,
    'An endpoint that was not called for so long gives its connections back.',
  ),
  upstreamEraProbeTimeoutMs: time(
    upstreamDefaults.eraProbeTimeoutMs,
    'Until an endpoint has said which era it serves.',
  ),
  upstreamEraFreshMs: time(upstreamDefaults.eraFreshMs, 'How long a detected era is used.'),
  upstreamSseSessionsMax: number(upstreamDefaults.sseSessionsMax, 'HTTP+SSE sessions.'),
  upstreamSseSessionIdleMs: time(
    upstreamDefaults.sseSessionIdleMs,
    'An HTTP+SSE session without a request for so long ends.',
  ),
  upstreamSseQueueBytesMax: bytes(
    upstreamDefaults.sseQueueBytesMax,
    'Bytes of an HTTP+SSE session that wait for slow callers.',
  ),
  upstreamSseEventBytesMax: bytes(
    upstreamDefaults.sseEventBytesMax,
    'One message from an HTTP+SSE upstream.',
  ),
};
