/**
 * What a change may touch. `id` is the row's own id, except for a membership (the user's id), a group's
 * seal keys (the group's id), a signing key (its kid), the order of policies and the names of servers (the
 * organization's id) and revocations (the id that those of one change share; of a removed one its own).
 */
export const changedResourceKinds = [
  'organization',
  'user',
  'membership',
  'api_key',
  'server',
  'server_names',
  'node_group',
  'node_token',
  'seal_keys',
  'signing_key',
  'custom_role',
  'service_account',
  'issuer',
  'session',
  'revocation',
  'policy',
  'policy_order',
  'tool_pin',
] as const;
export type ChangedResourceKind = (typeof changedResourceKinds)[number];

/** A resource that a revision touched; its organization is that of the change. */
export interface ChangedResource {
  readonly kind: ChangedResourceKind;
  readonly id: string;
}
