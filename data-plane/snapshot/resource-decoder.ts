import type { ResourceScope } from '../../common/resource-version.ts';
import { type Decoded, refused, type ViolationList } from './violation.ts';

/** What a decoder is given: the envelope's name and scope, and the encoded body. */
export interface ResourceBody {
  readonly name: string;
  readonly scope: ResourceScope;
  readonly body: Buffer;
}

/** Turns a resource's body into what calls are decided by. Never throws; says everything that is wrong. */
export type ResourceDecoder<Entry> = (resource: ResourceBody) => Decoded<Entry>;

/** Parses the protobuf message of a body; a body that is none is a violation, not an exception. */
export function parseBody<Message>(
  type: string,
  body: Buffer,
  deserialize: (bytes: Buffer) => Message,
): Decoded<Message> {
  try {
    return { ok: true, value: deserialize(body) };
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return refused('', `The body is no ${type} message: ${detail}`);
  }
}

const idPattern = /^[A-Za-z0-9_-]{1,64}$/;
const slugPattern = /^[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?$/;

export function expectId(violations: ViolationList, path: string, id: string): void {
  violations.expect(idPattern.test(id), path, 'must be 1 to 64 letters, digits, "-" or "_"');
}

/** A segment of the proxy's path. */
export function expectSlug(violations: ViolationList, path: string, slug: string): void {
  violations.expect(
    slugPattern.test(slug),
    path,
    'must be 1 to 63 lower-case letters, digits, "-" or "_", and begin and end with a letter or digit',
  );
}

/** The envelope must say what the body says: scope and name are what refusals and removals go by. */
export function expectEnvelope(
  violations: ViolationList,
  resource: ResourceBody,
  expected: { readonly name: string; readonly organizationId: string },
): void {
  violations.expect(resource.name === expected.name, '', 'The body is of another name.');
  violations.expect(
    resource.scope.organizationId === expected.organizationId,
    '',
    'The scope names another organization than the body.',
  );
}

/** At most `itemsMax` texts of 1 to `lengthMax` characters. */
export function expectTexts(
  violations: ViolationList,
  path: string,
  texts: readonly string[],
  bounds: { readonly itemsMax: number; readonly lengthMax: number },
): void {
  const { itemsMax, lengthMax } = bounds;
  if (!violations.expect(texts.length <= itemsMax, path, `must have at most ${itemsMax} items`)) {
    return;
  }
  for (const [index, text] of texts.entries()) {
    if (text.length >= 1 && text.length <= lengthMax) continue;
    violations.expect(false, `${path}[${index}]`, `must have 1 to ${lengthMax} characters`);
  }
}
