/** How an organization's issuer says which role a subject has. */
export interface RoleRule {
  /** Path of the claim, its parts apart, such as `['realm_access', 'roles']`; empty: none. */
  readonly roleClaim: readonly string[];
  /** In order; the first match counts. */
  readonly roleMappings: readonly { readonly value: string; readonly role: string }[];
  /** Role of who matches no mapping; undefined: none. */
  readonly defaultRole: string | undefined;
}

/** Values of a role claim that are looked at. */
const valuesMax = 1000;

function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
}

function claimValues(claims: object, path: readonly string[]): readonly unknown[] {
  if (path.length === 0) return [];
  const value = path.reduce<unknown>(memberOf, claims);
  return Array.isArray(value) ? value.slice(0, valuesMax) : [value];
}

/**
 * The role that a token's claims give, or undefined when they give none. A claim holds one value or a list;
 * values are compared to the letter, and what is no text counts as absent.
 */
export function claimedRole(claims: object, rule: RoleRule): string | undefined {
  const values = new Set(claimValues(claims, rule.roleClaim));
  return rule.roleMappings.find(({ value }) => values.has(value))?.role ?? rule.defaultRole;
}
