import { contracts } from '../../common/contracts.ts';
import type { Revocation } from '../../proto/gen/mcpgw/resources/v1/Revocation.ts';
import { expectEnvelope, expectId, parseBody, type ResourceDecoder } from './resource-decoder.ts';
import type { RevocationEntry, RevokedTokens } from './revocation.ts';
import { ViolationList } from './violation.ts';

const textLengthMax = 600;

function revokedTokens(body: Revocation): RevokedTokens {
  const { subject, tokenId, sessionId, issuedBeforeMs } = body;
  if (subject !== '') return { kind: 'subject', subject, issuedBeforeMs };
  return tokenId === '' ? { kind: 'session', sessionId } : { kind: 'token', tokenId };
}

/** Decodes a `Revocation`; its name in the stream is its id. One that says less than it should is refused. */
export const decodeRevocation: ResourceDecoder<RevocationEntry> = (resource) => {
  const parsed = parseBody('Revocation', resource.body, contracts.resources.Revocation.deserialize);
  if (!parsed.ok) return parsed;
  const body = parsed.value;
  const { id, organizationId, subject, tokenId, sessionId } = body;
  const violations = new ViolationList();
  expectEnvelope(violations, resource, { name: id, organizationId });
  expectId(violations, 'id', id);
  expectId(violations, 'organization_id', organizationId);
  const covered = [subject, tokenId, sessionId].filter((text) => text !== '');
  violations.expect(
    covered.length === 1,
    '',
    'Exactly one of subject, token_id and session_id must be set.',
  );
  violations.expect(
    covered.every((text) => text.length <= textLengthMax),
    '',
    `What it covers must have at most ${textLengthMax} characters.`,
  );
  violations.expect(
    Number.isSafeInteger(body.issuedBeforeMs) && body.issuedBeforeMs > 0 === (subject !== ''),
    'issued_before_ms',
    'must be milliseconds since the Unix epoch with a subject, and 0 without',
  );
  violations.expect(
    Number.isSafeInteger(body.expiresAtMs) && body.expiresAtMs > 0,
    'expires_at_ms',
    'must be milliseconds since the Unix epoch',
  );
  return violations.decoded(() => ({
    id,
    organizationId,
    tokens: revokedTokens(body),
    expiresAtMs: body.expiresAtMs,
  }));
};
