import { contracts } from '../../common/contracts.ts';
import { isSignatureAlgorithm, signatureAlgorithms } from '../../common/signature-algorithms.ts';
import { type IssuerEntry, platform, type ScopeMode } from './issuer.ts';
import {
  expectEnvelope,
  expectId,
  expectTexts,
  parseBody,
  type ResourceDecoder,
} from './resource-decoder.ts';
import { readTokenKeys } from './token-keys.ts';
import { ViolationList } from './violation.ts';

const issuerLengthMax = 2000;
const jwksLengthMax = 512 * 1024;
const claimBounds = { itemsMax: 16, lengthMax: 200 };
const mappingsMax = 1000;
const mappingLengthMax = 1000;
const roleLengthMax = 128;

const scopeModes: ReadonlyMap<string, ScopeMode> = new Map([
  ['SCOPE_MODE_REQUIRED', 'required'],
  ['SCOPE_MODE_ROLE', 'role'],
]);

/** An organization's issuer stands in metadata that clients follow; the gateway's own name needs no address. */
function isIssuer(text: string, organizationId: string): boolean {
  if (text.length < 1 || text.length > issuerLengthMax) return false;
  if (organizationId === platform) return true;
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, hash, search } = new URL(text);
  const isWeb = protocol === 'https:' || protocol === 'http:';
  return isWeb && username + password + hash + search === '';
}

function expectMappings(violations: ViolationList, mappings: IssuerEntry['roleMappings']): void {
  const bounded = mappings.length <= mappingsMax;
  const many = `must have at most ${mappingsMax} items`;
  if (!violations.expect(bounded, 'role_mappings', many)) return;
  for (const [index, { value, role }] of mappings.entries()) {
    const path = `role_mappings[${index}]`;
    violations.expect(
      value.length <= mappingLengthMax,
      `${path}.value`,
      `must have at most ${mappingLengthMax} characters`,
    );
    violations.expect(
      role.length <= roleLengthMax,
      `${path}.role`,
      `must have at most ${roleLengthMax} characters`,
    );
  }
}

function expectAlgorithms(violations: ViolationList, algorithms: readonly string[]): void {
  const bounds = { itemsMax: Object.keys(signatureAlgorithms).length, lengthMax: 16 };
  expectTexts(violations, 'algorithms', algorithms, bounds);
  for (const [index, name] of algorithms.slice(0, bounds.itemsMax).entries()) {
    const known = isSignatureAlgorithm(name);
    violations.expect(
      known,
      `algorithms[${index}]`,
      'is none that verifies with a public key here',
    );
  }
}

/** Decodes an `Issuer`; its name in the stream is its id. Without a key yet, none of its tokens verifies. */
export const decodeIssuer: ResourceDecoder<IssuerEntry> = (resource) => {
  const parsed = parseBody('Issuer', resource.body, contracts.resources.Issuer.deserialize);
  if (!parsed.ok) return parsed;
  const { id, organizationId, issuer, jwks, algorithms, roleClaim, defaultRole } = parsed.value;
  const violations = new ViolationList();
  expectEnvelope(violations, resource, { name: id, organizationId });
  expectId(violations, 'id', id);
  if (organizationId !== platform) expectId(violations, 'organization_id', organizationId);
  violations.expect(
    isIssuer(issuer, organizationId),
    'issuer',
    `must be an http or https URL of at most ${issuerLengthMax} characters without query or fragment`,
  );
  expectAlgorithms(violations, algorithms);
  const fits = jwks.length <= jwksLengthMax;
  violations.expect(fits, 'jwks', `must have at most ${jwksLengthMax} characters`);
  const keys = fits
    ? readTokenKeys(violations, 'jwks', jwks, algorithms.filter(isSignatureAlgorithm))
    : [];
  const scopeMode = scopeModes.get(parsed.value.scopeMode);
  violations.expect(scopeMode !== undefined, 'scope_mode', 'is none that this build knows');
  expectTexts(violations, 'role_claim', roleClaim, claimBounds);
  const roleMappings = parsed.value.roleMappings.map(({ value, role }) => ({ value, role }));
  expectMappings(violations, roleMappings);
  violations.expect(
    defaultRole.length <= roleLengthMax,
    'default_role',
    `must have at most ${roleLengthMax} characters`,
  );
  return violations.decoded(() => ({
    id,
    organizationId,
    issuer,
    keys,
    scopeMode: scopeMode ?? 'required',
    roleClaim,
    roleMappings,
    defaultRole: defaultRole === '' ? undefined : defaultRole,
  }));
};
