import { contracts } from '../../common/contracts.ts';
import { canonicalMessage } from './canonical-message.ts';
import { type CompiledResource, compiledResource } from './compiled-resource.ts';

/** A key that seals values which clients carry, decrypted. */
export interface SealKeyRow {
  /** Short id that a sealed value names. */
  readonly keyId: string;
  /** 32 bytes. */
  readonly key: Uint8Array;
  readonly primary: boolean;
}

/** The ring of one node group; its name in the stream is the group's id. */
export function sealKeyRingResource(
  groupId: string,
  keys: readonly SealKeyRow[],
): CompiledResource {
  const body = contracts.resources.SealKeyRing.serialize({
    keys: [...keys]
      .sort((a, b) => (a.keyId < b.keyId ? -1 : 1))
      .map((row) =>
        canonicalMessage({ id: row.keyId, key: Buffer.from(row.key), primary: row.primary }),
      ),
  });
  return compiledResource({
    type: 'SealKeyRing',
    name: groupId,
    scope: { organizationId: '', serverIds: [] },
    body,
  });
}
