import { isRecord, type Message } from './message.ts';

/** What a client says of itself; empty: nothing. It may say anything. */
export interface ClientInfo {
  readonly name: string;
  readonly version: string;
}

export const unknownClient: ClientInfo = { name: '', version: '' };

const clientInfoKey = 'io.modelcontextprotocol/clientInfo';
/** Longer names and versions are cut, in UTF-16 units. */
const textLengthMax = 64;

function textOf(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, textLengthMax).toWellFormed() : '';
}

function readClientInfo(value: unknown): ClientInfo {
  if (!isRecord(value)) return unknownClient;
  return { name: textOf(value['name']), version: textOf(value['version']) };
}

/** The client that a message names: each of the modern era does so, of the legacy era `initialize` alone. */
export function clientInfoOf(message: Message | undefined): ClientInfo {
  if (message === undefined || message.kind === 'response') return unknownClient;
  const { method, params } = message;
  if (method === 'initialize') return readClientInfo(params['clientInfo']);
  const meta = params['_meta'];
  return isRecord(meta) ? readClientInfo(meta[clientInfoKey]) : unknownClient;
}
