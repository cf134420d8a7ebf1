import { contracts } from '../../common/contracts.ts';
import { scopeLengthMax } from '../../common/scope.ts';
import {
  expectEnvelope,
  expectId,
  expectTexts,
  parseBody,
  type ResourceDecoder,
} from './resource-decoder.ts';
import type { ApiKeyEntry } from './snapshot.ts';
import { ViolationList } from './violation.ts';

const keyIdPattern = /^[0-9A-Za-z]{12}$/;
const hashBytes = 32;
const subjectLengthMax = 256;
const labelLengthMax = 512;
const roleBounds = { itemsMax: 64, lengthMax: 128 };
const scopeBounds = { itemsMax: 64, lengthMax: scopeLengthMax };

/** Decodes an `ApiKey`; its name in the stream is its key id. */
export const decodeApiKey: ResourceDecoder<ApiKeyEntry> = (resource) => {
  const parsed = parseBody('ApiKey', resource.body, contracts.resources.ApiKey.deserialize);
  if (!parsed.ok) return parsed;
  const key = parsed.value;
  const violations = new ViolationList();
  expectEnvelope(violations, resource, { name: key.keyId, organizationId: key.organizationId });
  violations.expect(
    keyIdPattern.test(key.keyId),
    'key_id',
    'must be 12 letters or digits, as in the credential',
  );
  expectId(violations, 'organization_id', key.organizationId);
  violations.expect(
    key.secretHash.length === hashBytes,
    'secret_hash',
    `must have ${hashBytes} bytes`,
  );
  violations.expect(
    key.subject.length >= 1 && key.subject.length <= subjectLengthMax,
    'subject',
    `must have 1 to ${subjectLengthMax} characters`,
  );
  expectTexts(violations, 'roles', key.roles, roleBounds);
  expectTexts(violations, 'scopes', key.scopes, scopeBounds);
  violations.expect(
    Number.isSafeInteger(key.expiresAtMs),
    'expires_at_ms',
    'must be milliseconds since the Unix epoch',
  );
  violations.expect(
    key.label.length <= labelLengthMax,
    'label',
    `must have at most ${labelLengthMax} characters`,
  );
  return violations.decoded(() => ({
    keyId: key.keyId,
    organizationId: key.organizationId,
    // A copy: a slice of the message would keep the whole message in memory.
    secretHash: Buffer.from(key.secretHash),
    subject: key.subject,
    roles: key.roles,
    scopes: key.scopes,
    expiresAtMs: key.expiresAtMs === 0 ? undefined : key.expiresAtMs,
    label: key.label,
  }));
};
