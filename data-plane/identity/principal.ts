/** Who makes a call, whatever credential proves it. */
export interface Principal {
  readonly organizationId: string;
  /** Stable, such as `user:<id>`: sessions and limits key on it, never on a credential's text. */
  readonly subject: string;
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  /** Public id of the credential, for records. */
  readonly credentialId: string;
}
