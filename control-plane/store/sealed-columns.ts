import {
  issuerSecretContext,
  oidcLoginContext,
  type SealContext,
  sealKeyContext,
  signingKeyContext,
  upstreamSecretContext,
} from './envelope.ts';

/** A column that makes a row's key, and the type to compare it as. */
export interface KeyColumn {
  readonly name: string;
  readonly type: 'uuid' | 'text' | 'bytea';
}

/** Where wrapped keys stand: a table, and the columns of the key and of its master key's id. */
export interface SealedColumns {
  readonly table: string;
  /** What it holds, one and many, for people. */
  readonly noun: readonly [one: string, many: string];
  readonly wrappedKey: string;
  readonly masterKeyId: string;
  /** Primary key, in order. */
  readonly key: readonly KeyColumn[];
  /** Whose it is; undefined: the platform's. */
  readonly organizationId: string | undefined;
  /** Columns, besides the key's and the organization's, that the context is made from. */
  readonly alsoFor: readonly string[];
  /** What a row's seal is bound to; columns by name, as text. */
  context(row: (column: string) => string): SealContext;
}

/** Every place in the database that a master key wraps keys in. A test compares it with the tables. */
export const sealedColumns: readonly SealedColumns[] = [
  {
    table: 'signing_keys',
    noun: ['signing key', 'signing keys'],
    wrappedKey: 'wrapped_private_key',
    masterKeyId: 'master_key_id',
    key: [{ name: 'kid', type: 'text' }],
    organizationId: undefined,
    alsoFor: [],
    context: (row) => signingKeyContext({ kid: row('kid') }),
  },
  {
    table: 'seal_keys',
    noun: ['seal key', 'seal keys'],
    wrappedKey: 'wrapped_key',
    masterKeyId: 'master_key_id',
    key: [
      { name: 'node_group_id', type: 'uuid' },
      { name: 'id', type: 'text' },
    ],
    organizationId: undefined,
    alsoFor: [],
    context: (row) => sealKeyContext({ nodeGroupId: row('node_group_id'), id: row('id') }),
  },
  {
    table: 'upstream_secrets',
    noun: ['credential of an MCP server', 'credentials of MCP servers'],
    wrappedKey: 'wrapped_key',
    masterKeyId: 'master_key_id',
    key: [
      { name: 'organization_id', type: 'uuid' },
      { name: 'id', type: 'uuid' },
    ],
    organizationId: 'organization_id',
    alsoFor: ['server_id', 'header'],
    context: (row) =>
      upstreamSecretContext({
        organizationId: row('organization_id'),
        serverId: row('server_id'),
        header: row('header'),
      }),
  },
  {
    table: 'issuers',
    noun: ['client secret of an issuer', 'client secrets of issuers'],
    wrappedKey: 'client_secret_wrapped_key',
    masterKeyId: 'client_secret_master_key_id',
    key: [
      { name: 'organization_id', type: 'uuid' },
      { name: 'id', type: 'uuid' },
    ],
    organizationId: 'organization_id',
    alsoFor: [],
    context: (row) =>
      issuerSecretContext({ organizationId: row('organization_id'), issuerId: row('id') }),
  },
  {
    table: 'oidc_logins',
    noun: ['log-in under way', 'log-ins under way'],
    wrappedKey: 'sealed_wrapped_key',
    masterKeyId: 'sealed_master_key_id',
    key: [{ name: 'state_hash', type: 'bytea' }],
    organizationId: 'organization_id',
    alsoFor: ['issuer_id'],
    context: (row) =>
      oidcLoginContext({
        organizationId: row('organization_id'),
        issuerId: row('issuer_id'),
        // PostgreSQL writes bytea as \x and hex.
        stateHash: Buffer.from(row('state_hash').slice(2), 'hex'),
      }),
  },
];
