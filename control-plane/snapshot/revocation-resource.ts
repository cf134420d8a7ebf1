import { contracts } from '../../common/contracts.ts';
import { canonicalMessage } from './canonical-message.ts';
import { type CompiledResource, compiledResource } from './compiled-resource.ts';

/** A revocation's row. Exactly one of subject, token id and session id is set. */
export interface RevocationRow {
  readonly id: string;
  readonly organizationId: string;
  readonly subject: string | null;
  /** Milliseconds since the Unix epoch; set with `subject` only. */
  readonly issuedBeforeMs: number | null;
  readonly tokenId: string | null;
  readonly sessionId: string | null;
  readonly expiresAtMs: number;
}

/**
 * One that is over is streamed until its row is pruned: nodes pass it by, by their own clock, so that what
 * is streamed stays a function of the rows alone.
 */
export function revocationResource(row: RevocationRow): CompiledResource {
  const body = contracts.resources.Revocation.serialize(
    canonicalMessage({
      id: row.id,
      organizationId: row.organizationId,
      subject: row.subject ?? '',
      tokenId: row.tokenId ?? '',
      sessionId: row.sessionId ?? '',
      issuedBeforeMs: row.issuedBeforeMs ?? 0,
      expiresAtMs: row.expiresAtMs,
    }),
  );
  return compiledResource({
    type: 'Revocation',
    name: row.id,
    scope: { organizationId: row.organizationId, serverIds: [] },
    body,
  });
}
