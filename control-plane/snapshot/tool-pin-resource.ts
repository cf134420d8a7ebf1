import { contracts } from '../../common/contracts.ts';
import { canonicalMessage } from './canonical-message.ts';
import { type CompiledResource, compiledResource } from './compiled-resource.ts';

/** What of an approved tool definition reaches nodes. */
export interface ToolPinRow {
  readonly id: string;
  readonly organizationId: string;
  readonly serverId: string;
  readonly tool: string;
  /** SHA-256 of the definition in canonical form. */
  readonly hash: Uint8Array;
  /** Members of the definition's `annotations`, whatever the server put there. */
  readonly annotations: Readonly<Record<string, unknown>>;
}

/** Nodes take no longer ones. */
const titleLengthMax = 1000;

type Hint = 'HINT_NO' | 'HINT_YES';

/** What is no boolean says nothing: then the specification's cautious default stands. */
function hint(value: unknown): Hint | undefined {
  if (typeof value !== 'boolean') return undefined;
  return value ? 'HINT_YES' : 'HINT_NO';
}

function annotationsOf(annotations: ToolPinRow['annotations']) {
  const { title, readOnlyHint, destructiveHint, idempotentHint, openWorldHint } = annotations;
  const [readOnly, destructive] = [hint(readOnlyHint), hint(destructiveHint)];
  const [idempotent, openWorld] = [hint(idempotentHint), hint(openWorldHint)];
  return {
    ...(typeof title === 'string' && { title: title.slice(0, titleLengthMax).toWellFormed() }),
    ...(readOnly && { readOnly }),
    ...(destructive && { destructive }),
    ...(idempotent && { idempotent }),
    ...(openWorld && { openWorld }),
  };
}

export function toolPinResource(row: ToolPinRow): CompiledResource {
  const body = contracts.resources.ToolPin.serialize(
    canonicalMessage({
      id: row.id,
      organizationId: row.organizationId,
      serverId: row.serverId,
      tool: row.tool,
      definitionHash: Buffer.from(row.hash),
      annotations: annotationsOf(row.annotations),
    }),
  );
  return compiledResource({
    type: 'ToolPin',
    name: row.id,
    scope: { organizationId: row.organizationId, serverIds: [row.serverId] },
    body,
  });
}
