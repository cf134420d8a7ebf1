import { isSignatureAlgorithm } from '../../../common/signature-algorithms.ts';
import { isStorableText, validateSlug } from '../../input/text-rules.ts';
import { type Violation, violation } from '../../input/violation.ts';
import type { RoleMapping, ScopeMode } from '../../store/entities/issuer.ts';
import {
  type IssuerAddressRules,
  isLoopbackHost,
  issuerUrlLengthMax,
  urlDefect,
} from './issuer-url.ts';

export const issuerBounds = {
  issuersMax: 20,
  clientIdLengthMax: 400,
  clientSecretLengthMax: 2000,
  redirectUrlsMax: 20,
  loginScopesMax: 20,
  roleClaimPartsMax: 5,
  roleClaimPartLengthMax: 200,
  roleMappingsMax: 100,
  roleValueLengthMax: 400,
} as const;

/** Fields of an issuer that are set by people, its secret apart. */
export interface IssuerFields {
  readonly name: string;
  readonly issuerUrl: string;
  readonly enabled: boolean;
  readonly algorithms: readonly string[];
  readonly proxyEnabled: boolean;
  readonly scopeMode: ScopeMode;
  readonly loginEnabled: boolean;
  readonly clientId: string | null;
  readonly redirectUrls: readonly string[];
  readonly loginScopes: readonly string[];
  readonly roleClaim: readonly string[];
  readonly roleMappings: readonly RoleMapping[];
  readonly defaultRole: string | null;
}

const urlMessages = {
  form: 'An absolute https URL without user, password and fragment is needed.',
  insecure: 'Only https is allowed.',
  address: 'Private, loopback and other special addresses are not allowed here.',
} as const;

function validateIssuerUrl(url: string, rules: IssuerAddressRules): Violation[] {
  if (url.length > issuerUrlLengthMax) {
    const text = `A URL has at most ${issuerUrlLengthMax} characters.`;
    return [violation('issuerUrl', 'TOO_LONG', text)];
  }
  const defect = urlDefect(url, rules);
  if (defect !== undefined) {
    const code = defect === 'address' ? 'ADDRESS_NOT_ALLOWED' : 'INVALID_FORMAT';
    return [violation('issuerUrl', code, urlMessages[defect])];
  }
  // RFC 8414, section 2.
  if (!url.includes('?')) return [];
  return [violation('issuerUrl', 'INVALID_FORMAT', 'The URL of an issuer has no query.')];
}

function validateAlgorithms(algorithms: readonly string[]): Violation[] {
  if (algorithms.length === 0) {
    return [violation('algorithms', 'REQUIRED', 'At least one algorithm is needed.')];
  }
  return algorithms.flatMap((algorithm, index) => {
    const path = `algorithms.${index}`;
    if (!isSignatureAlgorithm(algorithm)) {
      const text = 'Only asymmetric signature algorithms are allowed.';
      return [violation(path, 'INVALID_FORMAT', text)];
    }
    if (algorithms.indexOf(algorithm) === index) return [];
    return [violation(path, 'DUPLICATE', 'This algorithm stands in the list already.')];
  });
}

/** Where people come back to: a page, or a program of theirs that listens on their own machine (RFC 8252). */
function isRedirectUrl(text: string): boolean {
  if (urlDefect(text, { privateAddressesAllowed: true }) !== undefined) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === 'https:' || isLoopbackHost(hostname);
}

function validateRedirectUrls(urls: readonly string[]): Violation[] {
  if (urls.length > issuerBounds.redirectUrlsMax) {
    const text = `At most ${issuerBounds.redirectUrlsMax} URLs are allowed.`;
    return [violation('redirectUrls', 'TOO_MANY', text)];
  }
  return urls.flatMap((url, index) => {
    const path = `redirectUrls.${index}`;
    if (!isRedirectUrl(url)) {
      const text = 'An https URL is needed, or an http one of the person’s own machine.';
      return [violation(path, 'INVALID_FORMAT', text)];
    }
    if (urls.indexOf(url) === index) return [];
    return [violation(path, 'DUPLICATE', 'This URL stands in the list already.')];
  });
}

/** RFC 6749, section 3.3. */
const scopePattern = /^[\x21\x23-\x5b\x5d-\x7e]{1,200}$/;

function validateLoginScopes(scopes: readonly string[]): Violation[] {
  if (scopes.length > issuerBounds.loginScopesMax) {
    const text = `At most ${issuerBounds.loginScopesMax} scopes are allowed.`;
    return [violation('loginScopes', 'TOO_MANY', text)];
  }
  const violations = scopes.flatMap((scope, index) =>
    scopePattern.test(scope)
      ? []
      : [violation(`loginScopes.${index}`, 'INVALID_FORMAT', 'This is no OAuth scope.')],
  );
  if (!scopes.includes('openid')) {
    violations.push(violation('loginScopes', 'REQUIRED', 'OpenID Connect needs the scope openid.'));
  }
  return violations;
}

function isText(text: string, lengthMax: number): boolean {
  return text.length >= 1 && text.length <= lengthMax && isStorableText(text);
}

function validateRoleClaim(parts: readonly string[]): Violation[] {
  if (parts.length > issuerBounds.roleClaimPartsMax) {
    const text = `A path has at most ${issuerBounds.roleClaimPartsMax} parts.`;
    return [violation('roleClaim', 'TOO_MANY', text)];
  }
  return parts.flatMap((part, index) =>
    isText(part, issuerBounds.roleClaimPartLengthMax)
      ? []
      : [violation(`roleClaim.${index}`, 'INVALID_FORMAT', 'This is no name of a claim.')],
  );
}

/** Roles that exist and that the caller may hand out are checked where they are read. */
function validateRoleMappings(fields: IssuerFields): Violation[] {
  const { roleMappings: mappings, roleClaim } = fields;
  if (mappings.length > issuerBounds.roleMappingsMax) {
    const text = `At most ${issuerBounds.roleMappingsMax} mappings are allowed.`;
    return [violation('roleMappings', 'TOO_MANY', text)];
  }
  if (mappings.length > 0 && roleClaim.length === 0) {
    return [violation('roleClaim', 'REQUIRED', 'Mappings need a claim whose values they map.')];
  }
  return mappings.flatMap(({ value }, index) => {
    const path = `roleMappings.${index}.value`;
    if (!isText(value, issuerBounds.roleValueLengthMax)) {
      return [violation(path, 'INVALID_FORMAT', 'This is no value of a claim.')];
    }
    if (mappings.findIndex((mapping) => mapping.value === value) === index) return [];
    return [violation(path, 'DUPLICATE', 'The first mapping of a value counts.')];
  });
}

const visible = /^[\x20-\x7e]+$/;

function validateClient({ loginEnabled, clientId, redirectUrls }: IssuerFields): Violation[] {
  const violations: Violation[] = [];
  if (clientId !== null && !(isText(clientId, 400) && visible.test(clientId))) {
    const text = 'A client id has 1 to 400 visible ASCII characters.';
    violations.push(violation('clientId', 'INVALID_FORMAT', text));
  }
  if (!loginEnabled) return violations;
  if (clientId === null) {
    violations.push(violation('clientId', 'REQUIRED', 'Logging people in needs a client id.'));
  }
  if (redirectUrls.length === 0) {
    const text = 'Logging people in needs a URL that they come back to.';
    violations.push(violation('redirectUrls', 'REQUIRED', text));
  }
  return violations;
}

/** A client secret may hold visible ASCII characters (RFC 6749, appendix A.2). */
export function validateClientSecret(secret: string): Violation[] {
  const { clientSecretLengthMax: lengthMax } = issuerBounds;
  if (secret.length <= lengthMax && visible.test(secret)) return [];
  const text = `A secret has 1 to ${lengthMax} visible ASCII characters.`;
  return [violation('clientSecret', 'INVALID_FORMAT', text)];
}

/** Everything that is wrong with an issuer's fields. */
export function validateIssuer(fields: IssuerFields, rules: IssuerAddressRules): Violation[] {
  return [
    ...validateSlug('name', fields.name),
    ...validateIssuerUrl(fields.issuerUrl, rules),
    ...validateAlgorithms(fields.algorithms),
    ...validateClient(fields),
    ...validateRedirectUrls(fields.redirectUrls),
    ...validateLoginScopes(fields.loginScopes),
    ...validateRoleClaim(fields.roleClaim),
    ...validateRoleMappings(fields),
  ];
}
