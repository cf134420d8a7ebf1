/** What a rule about calls says, in the form that both planes compile and decide by. */
export interface Policy {
  readonly id: string;
  readonly organizationId: string;
  /** Slug, unique in the organization; shown to callers that it denies. */
  readonly name: string;
  /** Counts the changes of what it says, from 1; decisions name it. */
  readonly revision: number;
  readonly effect: PolicyEffect;
  readonly mode: PolicyMode;
  /** Place in the organization's order; ties go by id. Of several that decide alike the first is named. */
  readonly position: number;
  /** Said to callers that it denies; may be empty. */
  readonly message: string;
  readonly targets: PolicyTargets;
  readonly subjects: PolicySubjects;
  /** CEL source; empty: always. */
  readonly condition: string;
}

export type PolicyEffect = 'allow' | 'deny';

/** `shadow` decides nothing; what it would have decided is recorded. */
export type PolicyMode = 'enforce' | 'shadow';

/**
 * Which calls it is about, as patterns (`pattern.ts`). An empty list restricts nothing. A call has to match
 * `servers`, and `methods`, and, unless all three are empty, one of `tools`, `resources` and `prompts`.
 */
export interface PolicyTargets {
  /** Slugs. */
  readonly servers: readonly string[];
  readonly methods: readonly string[];
  readonly tools: readonly string[];
  /** Canonical URIs (`resource-uri.ts`). */
  readonly resources: readonly string[];
  readonly prompts: readonly string[];
}

/** Whom it is about: who is in one of the lists, or everybody when all are empty. Compared to the letter. */
export interface PolicySubjects {
  readonly roles: readonly string[];
  /** Stable subjects, such as `user:<id>`. */
  readonly subjects: readonly string[];
  /** Public ids of API keys. */
  readonly apiKeys: readonly string[];
}

/** What becomes of a call that no policy decides. */
export type PolicyDefault = 'allow' | 'deny';
