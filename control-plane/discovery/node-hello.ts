import type { Hello } from '../../proto/gen/mcpgw/discovery/v1/Hello.ts';
import type { NodeMessage } from '../../proto/gen/mcpgw/discovery/v1/NodeMessage.ts';
import { protocolViolation } from './stream-end.ts';

/** What a node said of itself and of what it holds, within bounds. Nothing in it grants anything. */
export interface NodeHello {
  readonly instanceId: string;
  readonly build: string;
  /** Types that the node's build understands; the others are not sent. */
  readonly types: ReadonlySet<string>;
  /** Empty: the node holds nothing. */
  readonly epoch: string;
  /** 0: the node holds nothing, or wants everything again. */
  readonly revision: number;
  /** Type → digest, of the types that the node holds resources of. */
  readonly digests: ReadonlyMap<string, { readonly digest: Buffer; readonly count: number }>;
  /** An http or https URL, or empty. */
  readonly advertisedUrl: string;
}

const typesMax = 64;
const identifierLengthMax = 200;
const urlLengthMax = 2000;
const visible = /^[\x20-\x7e]*$/;

function identifier(name: string, text: string): string {
  if (text.length > identifierLengthMax || !visible.test(text)) {
    throw protocolViolation(
      `hello.${name} must have at most ${identifierLengthMax} visible ASCII characters.`,
    );
  }
  return text;
}

/** What is shown to admins must be a plain web address. */
function webAddress(text: string): string {
  if (text.length > urlLengthMax || !visible.test(text) || !URL.canParse(text)) return '';
  return /^https?:$/.test(new URL(text).protocol) ? text : '';
}

function checked(hello: Hello): NodeHello {
  if (hello.types.length > typesMax || hello.digests.length > typesMax) {
    throw protocolViolation(`hello names more than ${typesMax} types.`);
  }
  if (hello.instanceId === '' || hello.build === '') {
    throw protocolViolation('hello names no instance or no build.');
  }
  const epoch = identifier('epoch', hello.epoch);
  return {
    instanceId: identifier('instance_id', hello.instanceId),
    build: identifier('build', hello.build),
    types: new Set(hello.types),
    epoch,
    revision: epoch === '' ? 0 : hello.revision,
    digests: new Map(hello.digests.map(({ type, digest, count }) => [type, { digest, count }])),
    advertisedUrl: webAddress(hello.advertisedUrl),
  };
}

/**
 * Reads the first message of a stream.
 * @throws {StreamEnd} when it is no hello or passes a bound.
 */
export function nodeHello(message: NodeMessage | undefined): NodeHello {
  const hello = message?.hello;
  if (!hello) throw protocolViolation('A stream begins with hello.');
  return checked(hello);
}
