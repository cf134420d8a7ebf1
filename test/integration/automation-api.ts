import {
  dataOf,
  type GraphqlHarness,
  logIn,
  operatorEmail,
  password,
  type Replica,
} from './graphql-harness.ts';

export interface UserError {
  readonly path: readonly string[];
  readonly code: string;
}

/** What a mutation answered: its object, or what was wrong. */
export type Answer<Fields> = { readonly userErrors: readonly UserError[] } & Fields;

export interface ShownKey {
  readonly id: string;
  readonly keyId: string;
  readonly version: number;
  readonly subject: string;
  readonly scopes: readonly string[];
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
  readonly replacedBy: string | null;
}

export interface ShownRole {
  readonly id: string;
  readonly name: string;
  readonly permissions: readonly string[];
  readonly version: number;
}

export interface ShownAccount {
  readonly id: string;
  readonly name: string;
  readonly role: string | null;
  readonly roleName: string;
  readonly disabledAt: string | null;
  readonly version: number;
}

export type KeyAnswer = Answer<{ readonly key: string | null; readonly apiKey: ShownKey | null }>;
export type RoleAnswer = Answer<{ readonly customRole: ShownRole | null }>;
export type AccountAnswer = Answer<{ readonly serviceAccount: ShownAccount | null }>;

const keyFields = 'apiKey { id keyId version subject scopes expiresAt revokedAt replacedBy }';
const roleFields = 'customRole { id name permissions version }';
const accountFields = 'serviceAccount { id name role roleName disabledAt version }';

/** Mutations of these tests: the type of the input, and what they are asked for. */
const mutations: Readonly<Record<string, readonly [input: string, fields: string]>> = {
  createApiKey: ['CreateApiKeyInput', `key ${keyFields}`],
  rotateApiKey: ['RotateApiKeyInput', `key ${keyFields}`],
  updateApiKey: ['UpdateApiKeyInput', keyFields],
  revokeApiKey: ['DeleteInOrganizationInput', keyFields],
  deleteApiKey: ['DeleteInOrganizationInput', 'deletedId'],
  createCustomRole: ['CreateCustomRoleInput', roleFields],
  updateCustomRole: ['UpdateCustomRoleInput', roleFields],
  deleteCustomRole: ['DeleteInOrganizationInput', 'deletedId'],
  createServiceAccount: ['CreateServiceAccountInput', accountFields],
  updateServiceAccount: ['UpdateServiceAccountInput', accountFields],
  deleteServiceAccount: ['DeleteInOrganizationInput', 'deletedId'],
  addMember: ['AddMemberInput', 'member { userId role roleName customRoleId version }'],
  updateMember: ['UpdateMemberInput', 'member { userId role roleName customRoleId version }'],
  removeMember: ['RemoveMemberInput', 'member { userId }'],
  createServer: ['CreateServerInput', 'server { id slug version }'],
  updateOrganization: ['UpdateOrganizationInput', 'organization { id version }'],
  createOrganization: ['CreateOrganizationInput', 'organization { id slug version }'],
  inviteMember: ['InviteMemberInput', 'token'],
  createUser: ['CreateUserInput', 'user { id }'],
};

/** Somebody who uses the API with one credential. */
export class Caller {
  readonly replica: Replica;
  readonly credential: string;

  constructor(replica: Replica, credential: string) {
    this.replica = replica;
    this.credential = credential;
  }

  async query<Data>(query: string, variables: object = {}): Promise<Data> {
    return dataOf(await this.replica.post<Data>(query, variables, this.credential));
  }

  /** What a mutation answered. @throws when it was refused as a whole. */
  async mutate<Result>(name: string, input: object): Promise<Result> {
    const [type, fields] = mutations[name] ?? ['', ''];
    const data = await this.query<Record<string, Result>>(
      `mutation($input: ${type}!) { ${name}(input: $input) { ${fields} userErrors { path code } } }`,
      { input },
    );
    return data[name] as Result;
  }

  /** Path and code of everything that a mutation found wrong. */
  async errorsOf(name: string, input: object): Promise<string[]> {
    const { userErrors } = await this.mutate<Answer<object>>(name, input);
    return userErrors.map(({ path, code }) => `${path.join('.')} ${code}`);
  }

  /** Code and reason of the error that refuses an operation as a whole; undefined: it is not refused. */
  async refusal(query: string, variables: object = {}): Promise<string | undefined> {
    const { errors } = await this.replica.post(query, variables, this.credential);
    const extensions = errors[0]?.extensions as { code: string; reason?: string } | undefined;
    return extensions && [extensions.code, extensions.reason].filter(Boolean).join(' ');
  }

  async mutationRefusal(name: string, input: object): Promise<string | undefined> {
    const [type] = mutations[name] ?? [''];
    return this.refusal(
      `mutation($input: ${type}!) { ${name}(input: $input) { userErrors { code } } }`,
      { input },
    );
  }
}

let serial = 0;

/** A name that nothing else in this test file has. */
export function unique(prefix: string): string {
  serial += 1;
  return `${prefix}-${serial}`;
}

/** An organization with an owner who is no operator, and ways to fill it. */
export class Tenant {
  readonly id: string;
  readonly owner: Caller;
  readonly #operator: Caller;

  private constructor(id: string, owner: Caller, operator: Caller) {
    this.id = id;
    this.owner = owner;
    this.#operator = operator;
  }

  static async create(harness: GraphqlHarness, replica: Replica): Promise<Tenant> {
    const operator = new Caller(replica, await logIn(replica, operatorEmail));
    const slug = unique('tenant');
    const { organization } = await operator.mutate<Answer<{ organization: { id: string } }>>(
      'createOrganization',
      { slug, name: slug, ownerId: harness.platform.operator.id },
    );
    const tenant = new Tenant(organization.id, operator, operator);
    const owner = await tenant.member({ role: 'OWNER' });
    // An operator who is a member would pass checks that a member alone has to pass.
    const operatorId = harness.platform.operator.id;
    await operator.mutate('removeMember', {
      organizationId: organization.id,
      userId: operatorId,
      version: 1,
    });
    return new Tenant(organization.id, owner.caller, operator);
  }

  /** A new person with this role, who has logged in. */
  async member(
    role: { readonly role: string } | { readonly customRoleId: string },
  ): Promise<{ readonly caller: Caller; readonly userId: string }> {
    const email = `${unique('person')}@example.com`;
    const input = { email, displayName: email, password };
    const { user } = await this.#operator.mutate<Answer<{ user: { id: string } }>>(
      'createUser',
      input,
    );
    const added = { organizationId: this.id, email, ...role };
    const errors = await this.#operator.errorsOf('addMember', added);
    if (errors.length > 0) throw new Error(errors.join());
    const { replica } = this.owner;
    return { caller: new Caller(replica, await logIn(replica, email)), userId: user.id };
  }

  async role(permissions: readonly string[]): Promise<ShownRole> {
    const input = { organizationId: this.id, name: unique('role'), permissions };
    const { customRole } = await this.owner.mutate<RoleAnswer>('createCustomRole', input);
    if (customRole === null) throw new Error('The role could not be made.');
    return customRole;
  }

  async account(
    role: { readonly role: string } | { readonly customRoleId: string } = { role: 'AGENT' },
  ): Promise<ShownAccount> {
    const input = { organizationId: this.id, name: unique('account'), ...role };
    const { serviceAccount } = await this.owner.mutate<AccountAnswer>(
      'createServiceAccount',
      input,
    );
    if (serviceAccount === null) throw new Error('The account could not be made.');
    return serviceAccount;
  }

  /** A key of an account: its text and its record. */
  async key(
    serviceAccountId: string,
    fields: { readonly scopes?: readonly string[]; readonly expiresAt?: Date } = {},
  ): Promise<{ readonly text: string; readonly record: ShownKey }> {
    const input = { organizationId: this.id, label: unique('key'), serviceAccountId, ...fields };
    const { key, apiKey, userErrors } = await this.owner.mutate<KeyAnswer>('createApiKey', input);
    if (key === null || apiKey === null) throw new Error(JSON.stringify(userErrors));
    return { text: key, record: apiKey };
  }

  async server(slug: string): Promise<void> {
    const endpoints = [{ url: 'http://10.0.0.1/mcp' }];
    const errors = await this.owner.errorsOf('createServer', {
      ...{ organizationId: this.id, slug, name: slug, endpoints },
    });
    if (errors.length > 0) throw new Error(errors.join());
  }

  /** Somebody who shows a key of an account with this role. */
  async automation(role: string, scopes: readonly string[]): Promise<Caller> {
    const account = await this.account({ role });
    const { text } = await this.key(account.id, { scopes });
    return new Caller(this.owner.replica, text);
  }
}
