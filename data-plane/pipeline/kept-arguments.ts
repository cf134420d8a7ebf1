import { carriesArguments } from '../../common/policy/method-targets.ts';
import { keptJson } from '../../common/redaction/kept-json.ts';
import { isRecord, type Message } from '../mcp/message.ts';
import type { OrganizationEntry } from '../snapshot/snapshot.ts';
import type { RecordedArguments } from './call-facts.ts';

const nothing = Buffer.alloc(0);
const none: RecordedArguments = { state: 'ARGUMENT_STATE_NONE', json: nothing };
const off: RecordedArguments = { state: 'ARGUMENT_STATE_OFF', json: nothing };
const tooLarge: RecordedArguments = { state: 'ARGUMENT_STATE_TOO_LARGE', json: nothing };

type Setting = Pick<OrganizationEntry, 'argumentRecording' | 'argumentBytesMax'>;

function keptOf(message: Message, setting: Setting): RecordedArguments {
  if (message.kind === 'response' || !carriesArguments(message.method)) return none;
  const { argumentRecording, argumentBytesMax: bytesMax } = setting;
  if (argumentRecording === 'off') return off;
  const { arguments: given } = message.params;
  // None are decided on as an empty object; what is no object is refused.
  const args = given === undefined ? {} : given;
  if (!isRecord(args)) return none;
  const kept = keptJson(args, { redact: argumentRecording === 'redacted', bytesMax });
  if (kept === undefined) return tooLarge;
  // Where nothing had to be hidden, they are known in full.
  const state = kept.isRedacted ? 'ARGUMENT_STATE_REDACTED' : 'ARGUMENT_STATE_FULL';
  return { state, json: Buffer.from(kept.text) };
}

/**
 * What the record of each message is to hold of its arguments, as its organization has set. Made while the
 * params are at hand: a stream lets go of them long before its record is written. Undefined: no message has any.
 */
export function keptArguments(
  messages: readonly Message[],
  setting: Setting,
): readonly RecordedArguments[] | undefined {
  const kept = messages.map((message) => keptOf(message, setting));
  return kept.every((each) => each === none) ? undefined : kept;
}
