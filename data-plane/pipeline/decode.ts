import type { ReasonCode } from '../../common/reasons.ts';
import { type EraRefusal, eraOfMessage, type MessageEra } from '../mcp/era.ts';
import { type JsonDocument, readJson } from '../mcp/json-document.ts';
import { type Message, readMessage, withoutParams } from '../mcp/message.ts';
import { batchVersion, type Era, legacyVersions, namesModernEra } from '../mcp/protocol-version.ts';
import type { BodyFailure } from './client-exchange.ts';
import type { Identified } from './identify.ts';
import { type LocalReply, localReply, requestIdText } from './local-reply.ts';
import type { PipelineOptions } from './pipeline-options.ts';

/** A message that policy and upstream read alike, or a GET or DELETE. */
export interface Decoded {
  readonly kind: 'decoded';
  readonly identified: Identified;
  readonly era: Era;
  /** Version that the message or its header names. */
  readonly version: string | undefined;
  /** One, or the elements of a batch; none for GET and DELETE. */
  messages: readonly Message[];
  readonly batch: boolean;
  body: Buffer | undefined;
  document: JsonDocument | undefined;
}

/**
 * Lets go of a request that has arrived at its upstream. A stream may stay for hours, and what is needed
 * of its request until then is its id, its method and its target.
 */
export function releaseRequest(decoded: Decoded): void {
  const { facts } = decoded.identified.accepted;
  facts.requestId = requestIdText(facts);
  decoded.messages = decoded.messages.map(withoutParams);
  decoded.body = undefined;
  decoded.document = undefined;
  facts.messages = decoded.messages;
  facts.document = undefined;
}

/** Nobody is there any more to be answered. */
export interface ClientGone {
  readonly kind: 'client-gone';
}

const clientGone: ClientGone = { kind: 'client-gone' };

const bodyFailures: Readonly<Record<Exclude<BodyFailure, 'aborted'>, ReasonCode>> = {
  too_large: 'body_too_large',
  timeout: 'body_timeout',
};

function isJson(contentType: string | undefined): boolean {
  return /^application\/json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i.test(contentType ?? '');
}

/** What the SDKs send. */
const usualAccept = 'application/json, text/event-stream';

function accepts(header: string | undefined, type: string): boolean {
  if (header === undefined || header === usualAccept) return true;
  const family = `${type.split('/')[0]}/*`;
  return header.split(',').some((range) => {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    if (parameters.some((parameter) => /^q\s*=\s*0(?:\.0*)?$/.test(parameter))) return false;
    return name === type || name === '*/*' || name === family;
  });
}

/** GET and DELETE carry no message: their era is what their headers say. */
function decodeBodiless(identified: Identified): Decoded | LocalReply {
  const { method, headers } = identified.accepted;
  const version = headers.protocolVersion;
  if (version !== undefined && namesModernEra(version)) {
    return localReply('method_not_allowed', { headers: { Allow: 'POST' } });
  }
  if (version !== undefined && !(legacyVersions as readonly string[]).includes(version)) {
    return unsupportedVersion(version, legacyVersions);
  }
  if (method === 'GET' && !accepts(headers.accept, 'text/event-stream')) {
    return localReply('not_acceptable', { detail: 'GET needs text/event-stream' });
  }
  identified.accepted.facts.era = 'legacy';
  const nothing = { messages: [], batch: false, body: undefined, document: undefined };
  return { kind: 'decoded', identified, era: 'legacy', version, ...nothing };
}

/** The specification's own words for a version that isn't spoken. */
export function unsupportedVersion(requested: string, supported: readonly string[]): LocalReply {
  const data = { supported: [...supported], requested: requested.slice(0, 64) };
  return localReply('protocol_version_unsupported', { data });
}

function eraRefusal(refusal: EraRefusal, version: string | undefined): LocalReply {
  if (refusal.reason === 'protocol_version_unsupported') {
    return unsupportedVersion(version ?? '', legacyVersions);
  }
  return localReply(refusal.reason, { detail: refusal.detail });
}

function readMessages(value: unknown, batchMessagesMax: number): readonly Message[] | LocalReply {
  if (!Array.isArray(value)) {
    const message = readMessage(value);
    return message === undefined ? localReply('message_invalid') : [message];
  }
  if (value.length === 0) return localReply('message_invalid', { detail: 'an empty batch' });
  if (value.length > batchMessagesMax) {
    return localReply('batch_not_supported', { detail: `more than ${batchMessagesMax} messages` });
  }
  const messages: Message[] = [];
  for (const element of value) {
    const message = readMessage(element);
    if (message === undefined) return localReply('message_invalid');
    if (message.kind === 'request' && message.method === 'initialize') {
      return localReply('batch_not_supported', { detail: 'initialize must stand alone' });
    }
    messages.push(message);
  }
  return messages;
}

/** Batches exist in one revision only, so that a message of the other era can't hide in one. */
function batchEra(identified: Identified): MessageEra | LocalReply {
  const version = identified.accepted.headers.protocolVersion ?? batchVersion;
  return version === batchVersion ? { era: 'legacy', version } : localReply('batch_not_supported');
}

function messageEra(identified: Identified, message: Message): MessageEra | LocalReply {
  const { headers } = identified.accepted;
  const era = eraOfMessage(message, {
    protocolVersion: headers.protocolVersion,
    method: headers.mcpMethod,
    name: headers.mcpName,
  });
  return 'reason' in era ? eraRefusal(era, headers.protocolVersion) : era;
}

async function readBody(
  identified: Identified,
  options: PipelineOptions,
): Promise<Buffer | LocalReply | ClientGone> {
  const { exchange, headers, facts } = identified.accepted;
  if (!isJson(headers.contentType)) {
    return localReply('content_type_unsupported');
  }
  if (
    !accepts(headers.accept, 'application/json') ||
    !accepts(headers.accept, 'text/event-stream')
  ) {
    return localReply('not_acceptable');
  }
  const body = await exchange.body.read(options.bodyBytesMax, options.bodyTimeoutMs);
  if (body === 'aborted') return clientGone;
  if (typeof body === 'string') return localReply(bodyFailures[body]);
  facts.requestBytes = body.length;
  return body;
}

/**
 * Reads the body and tells what it is. Refused is everything that policy and upstream could read
 * differently: duplicate keys, invalid UTF-8, headers that contradict the body.
 */
export async function decode(
  identified: Identified,
  options: PipelineOptions,
): Promise<Decoded | LocalReply | ClientGone> {
  if (identified.accepted.method !== 'POST') return decodeBodiless(identified);
  const body = await readBody(identified, options);
  if (!Buffer.isBuffer(body)) return body;
  const document = readJson(body, options.jsonDepthMax);
  if (typeof document === 'string') return localReply(document);
  const { facts } = identified.accepted;
  facts.document = document;
  const messages = readMessages(document.value, options.batchMessagesMax);
  if ('kind' in messages) return messages;
  facts.messages = messages;
  const batch = Array.isArray(document.value);
  const [first] = messages;
  const era = batch || first === undefined ? batchEra(identified) : messageEra(identified, first);
  if ('kind' in era) return era;
  facts.era = era.era;
  const { version } = era;
  return { kind: 'decoded', identified, era: era.era, version, messages, batch, body, document };
}
