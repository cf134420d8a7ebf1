import type { PolicyDefinition } from '../../store/entities/policy-revision.ts';

/** What of a policy decides about calls. */
export type PolicyRules = Pick<
  PolicyDefinition,
  | 'effect'
  | 'servers'
  | 'methods'
  | 'tools'
  | 'resources'
  | 'prompts'
  | 'roles'
  | 'subjects'
  | 'apiKeys'
  | 'condition'
>;

/** What of a policy says which kinds of calls it can be about. */
export type PolicyKinds = Pick<
  PolicyRules,
  'effect' | 'methods' | 'tools' | 'resources' | 'prompts'
>;

/** A server of the organization, and what it offered when it was last asked; undefined: never, or not known. */
export interface KnownServer {
  readonly slug: string;
  /** By name the JSON Schema of their input, as it is approved or else as it was last seen. */
  readonly tools: ReadonlyMap<string, unknown> | undefined;
  readonly prompts: ReadonlySet<string> | undefined;
  /** Canonical URIs. */
  readonly resources: ReadonlySet<string> | undefined;
  /** True when it offers resources that it doesn't list. */
  readonly hasResourceTemplates: boolean;
}

/** What an organization has that policies can name. */
export interface ValidationContext {
  readonly servers: readonly KnownServer[];
  readonly roles: ReadonlySet<string>;
  /** Such as `user:<id>` and `service:<id>`. */
  readonly subjects: ReadonlySet<string>;
  /** Public ids. */
  readonly apiKeys: ReadonlySet<string>;
  /** Headers that conditions may read, in lower case. */
  readonly policyHeaders: ReadonlySet<string>;
}
