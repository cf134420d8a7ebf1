/** One JSON-RPC message of a known caller, as policies see it: live on a node, or again from its record. */
export interface PolicyCall {
  readonly principal: PolicyPrincipal;
  readonly server: PolicyServer;
  readonly request: PolicyRequest;
  /** What the method is about (`method-targets.ts`). */
  readonly target: CallTarget;
  /** Pin of the called tool, when an admin has approved one. */
  readonly pin: PolicyPin | undefined;
  /** `params.arguments`; undefined: the message carries none. */
  readonly args: Readonly<Record<string, unknown>> | undefined;
  /** Wall time, milliseconds since the Unix epoch. */
  readonly nowMs: number;
}

export interface PolicyPrincipal {
  /** Stable, such as `user:<id>`. */
  readonly subject: string;
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  /** Public id of the credential; of an API key what `PolicySubjects.apiKeys` names. */
  readonly credentialId: string;
  readonly credentialKind: 'api_key' | 'access_token';
}

export interface PolicyServer {
  readonly id: string;
  readonly slug: string;
  readonly labels: ReadonlyMap<string, string>;
}

export interface PolicyRequest {
  readonly method: string;
  readonly era: 'legacy' | 'modern';
  /** As the client says of itself; empty: it says nothing. */
  readonly client: { readonly name: string; readonly version: string };
  readonly address: string;
  /** Those that the organization lets conditions read; names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
}

/**
 * What a message is about.
 *
 * - `tool`, `resource`, `prompt`: named by `name`; a resource by its canonical URI
 * - `list`: its answer is narrowed to what the caller could use; only a policy that names the method denies it
 * - `method`: nothing but the method itself, such as `logging/setLevel` or one that nobody knows
 * - `implicit`: what a session is made of; no policy is asked
 */
export type CallTarget =
  | { readonly kind: 'tool' | 'resource' | 'prompt'; readonly name: string }
  | { readonly kind: 'list' | 'method' | 'implicit' };

/** An approved tool definition. */
export interface PolicyPin {
  readonly tool: string;
  /** SHA-256 of the canonical definition, lower-case hex. */
  readonly hash: string;
  readonly annotations: ToolAnnotations;
}

/** Hints as the definition says; undefined: absent, for which the specification's cautious defaults stand. */
export interface ToolAnnotations {
  readonly title: string;
  readonly readOnly: boolean | undefined;
  readonly destructive: boolean | undefined;
  readonly idempotent: boolean | undefined;
  readonly openWorld: boolean | undefined;
}
