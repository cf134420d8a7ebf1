import { contracts } from '../../common/contracts.ts';
import type { ToolAnnotations } from '../../common/policy/policy-call.ts';
import type { ToolAnnotations as AnnotationsMessage } from '../../proto/gen/mcpgw/resources/v1/ToolAnnotations.ts';
import { expectEnvelope, expectId, parseBody, type ResourceDecoder } from './resource-decoder.ts';
import type { ToolPinEntry } from './tool-pin.ts';
import { ViolationList } from './violation.ts';

const toolBytesMax = 2048;
const titleLengthMax = 1000;
const hashBytes = 32;

const hints: ReadonlyMap<string, boolean | undefined> = new Map([
  ['HINT_UNSPECIFIED', undefined],
  ['HINT_NO', false],
  ['HINT_YES', true],
]);

const noHints: AnnotationsMessage = {
  title: '',
  readOnly: 'HINT_UNSPECIFIED',
  destructive: 'HINT_UNSPECIFIED',
  idempotent: 'HINT_UNSPECIFIED',
  openWorld: 'HINT_UNSPECIFIED',
};

function expectAnnotations(violations: ViolationList, annotations: AnnotationsMessage): void {
  violations.expect(
    annotations.title.length <= titleLengthMax,
    'annotations.title',
    `must have at most ${titleLengthMax} characters`,
  );
  const { readOnly, destructive, idempotent, openWorld } = annotations;
  const named = { read_only: readOnly, destructive, idempotent, open_world: openWorld };
  for (const [name, hint] of Object.entries(named)) {
    violations.expect(hints.has(hint), `annotations.${name}`, 'is none that this build knows');
  }
}

function annotationsOf(annotations: AnnotationsMessage): ToolAnnotations {
  return {
    title: annotations.title,
    readOnly: hints.get(annotations.readOnly),
    destructive: hints.get(annotations.destructive),
    idempotent: hints.get(annotations.idempotent),
    openWorld: hints.get(annotations.openWorld),
  };
}

/** Decodes a `ToolPin`; its name in the stream is its id. */
export const decodeToolPin: ResourceDecoder<ToolPinEntry> = (resource) => {
  const parsed = parseBody('ToolPin', resource.body, contracts.resources.ToolPin.deserialize);
  if (!parsed.ok) return parsed;
  const { id, organizationId, serverId, tool, definitionHash } = parsed.value;
  const annotations = parsed.value.annotations ?? noHints;
  const violations = new ViolationList();
  expectEnvelope(violations, resource, { name: id, organizationId });
  expectId(violations, 'id', id);
  expectId(violations, 'organization_id', organizationId);
  expectId(violations, 'server_id', serverId);
  const toolBytes = Buffer.byteLength(tool);
  violations.expect(
    toolBytes >= 1 && toolBytes <= toolBytesMax,
    'tool',
    `must have 1 to ${toolBytesMax} bytes`,
  );
  violations.expect(
    definitionHash.length === hashBytes,
    'definition_hash',
    `must have ${hashBytes} bytes`,
  );
  expectAnnotations(violations, annotations);
  return violations.decoded(() => ({
    id,
    organizationId,
    serverId,
    pin: { tool, hash: definitionHash.toString('hex'), annotations: annotationsOf(annotations) },
  }));
};
