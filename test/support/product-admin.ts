/** Something with the version that its next change must name. */
interface Versioned {
  readonly id: string;
  version: number;
}

export interface AgentKey extends Versioned {
  /** The key itself. */
  readonly text: string;
  /** Whom it acts for, `service:<id>`. */
  readonly subject: string;
  readonly organizationId: string;
}

export interface RegisteredServer extends Versioned {
  readonly organizationId: string;
}

export interface OwnedPolicy extends Versioned {
  readonly organizationId: string;
}

/** An entry of the request log, as far as tests look at it. */
export interface LogEntry {
  readonly callId: string;
  readonly phase: 'COMPLETE' | 'START' | 'END';
  readonly traceId: string;
  readonly nodeId: string;
  readonly method: string;
  readonly target: string;
  readonly decision: 'ALLOWED' | 'REFUSED' | 'FAILED';
  readonly reason: string;
  readonly outcome: string;
}

export interface ShownNode {
  readonly id: string;
  readonly name: string;
  readonly connected: boolean;
  readonly appliedRevision: number;
  readonly replica: string | null;
  readonly conditions: readonly { readonly type: string; readonly message: string }[];
}

interface UserError {
  readonly path: readonly string[];
  readonly message: string;
}

type Payload<Name extends string, Result> = { readonly [name in Name]: Result } & {
  readonly userErrors: readonly UserError[];
};

const pageSize = 100;
const requestTimeoutMs = 10_000;

/** @throws with what the API says was wrong. */
async function request<Data>(
  graphqlUrl: string,
  accessToken: string | undefined,
  query: string,
  variables: object = {},
): Promise<Data> {
  const response = await fetch(graphqlUrl, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(accessToken !== undefined && { authorization: `Bearer ${accessToken}` }),
    },
    body: JSON.stringify({ query, variables }),
    signal: AbortSignal.timeout(requestTimeoutMs),
  });
  const { data, errors } = (await response.json()) as { data?: Data | null; errors?: unknown };
  if (errors !== undefined || !data) throw new Error(JSON.stringify(errors ?? response.status));
  return data;
}

/** The mutation's result. @throws with its user errors when it took no effect. */
function unwrap<T>(
  { userErrors }: { readonly userErrors: readonly UserError[] },
  result: T | null,
): T {
  if (userErrors.length > 0 || result === null) throw new Error(JSON.stringify(userErrors));
  return result;
}

/** An admin who works through GraphQL, on whichever replica. */
export class Admin {
  readonly accessToken: string;
  readonly #graphqlUrl: string;

  private constructor(graphqlUrl: string, accessToken: string) {
    this.#graphqlUrl = graphqlUrl;
    this.accessToken = accessToken;
  }

  static async logIn(graphqlUrl: string, email: string, password: string): Promise<Admin> {
    const { login } = await request<{ login: { accessToken: string } }>(
      graphqlUrl,
      undefined,
      'mutation ($email: String!, $password: String!) { login(email: $email, password: $password) { accessToken } }',
      { email, password },
    );
    return new Admin(graphqlUrl, login.accessToken);
  }

  /** The same person on another replica. */
  on(graphqlUrl: string): Admin {
    return new Admin(graphqlUrl, this.accessToken);
  }

  async createOrganization(slug: string, mustAudit = false): Promise<Versioned> {
    const fields = 'organization { id version }';
    const { organization, ...payload } = await this.#mutate<
      Payload<'organization', Versioned | null>
    >('createOrganization', 'CreateOrganizationInput', fields, { slug, name: slug, mustAudit });
    return unwrap(payload, organization);
  }

  async setOrganizationEnabled(organization: Versioned, enabled: boolean): Promise<void> {
    const { organization: changed, ...payload } = await this.#mutate<
      Payload<'organization', Versioned | null>
    >('updateOrganization', 'UpdateOrganizationInput', 'organization { id version }', {
      organizationId: organization.id,
      version: organization.version,
      enabled,
    });
    organization.version = unwrap(payload, changed).version;
  }

  async createServiceAccount(organizationId: string, name: string): Promise<Versioned> {
    const payload = await this.#mutate<Payload<'serviceAccount', Versioned | null>>(
      'createServiceAccount',
      'CreateServiceAccountInput',
      'serviceAccount { id version }',
      { organizationId, name, role: 'AGENT' },
    );
    return unwrap(payload, payload.serviceAccount);
  }

  /** A key of a new service account, or of one that exists. */
  async createKey(organizationId: string, sameServiceAs?: AgentKey): Promise<AgentKey> {
    const serviceAccountId =
      sameServiceAs?.subject.replace('service:', '') ??
      (await this.createServiceAccount(organizationId, `agent-${crypto.randomUUID()}`)).id;
    const payload = await this.#mutate<
      Payload<'key', string | null> & { apiKey: Omit<AgentKey, 'text'> | null }
    >('createApiKey', 'CreateApiKeyInput', 'key apiKey { id version subject organizationId }', {
      organizationId,
      label: 'agent',
      serviceAccountId,
    });
    return { ...unwrap(payload, payload.apiKey), text: unwrap(payload, payload.key) };
  }

  async revokeKey({ id, version, organizationId }: AgentKey): Promise<void> {
    const input = { id, version, organizationId };
    const payload = await this.#mutate<Payload<'apiKey', object | null>>(
      'revokeApiKey',
      'DeleteInOrganizationInput',
      'apiKey { id }',
      input,
    );
    unwrap(payload, payload.apiKey);
  }

  async createServer(
    organizationId: string,
    slug: string,
    url: string,
    credential?: { readonly header: string; readonly value: string },
  ): Promise<RegisteredServer> {
    const payload = await this.#mutate<Payload<'server', Versioned | null>>(
      'createServer',
      'CreateServerInput',
      'server { id version }',
      { organizationId, slug, name: slug, endpoints: [{ url }], credential },
    );
    return { ...unwrap(payload, payload.server), organizationId };
  }

  async setServerEnabled(server: RegisteredServer, enabled: boolean): Promise<void> {
    const { id, version, organizationId } = server;
    const payload = await this.#mutate<Payload<'server', Versioned | null>>(
      'updateServer',
      'UpdateServerInput',
      'server { id version }',
      { id, version, organizationId, enabled },
    );
    server.version = unwrap(payload, payload.server).version;
  }

  /** An enforced policy that denies, except as given. */
  async createPolicy(organizationId: string, name: string, fields: object): Promise<OwnedPolicy> {
    const payload = await this.#mutate<Payload<'policy', Versioned | null>>(
      'createPolicy',
      'CreatePolicyInput',
      'policy { id version }',
      { organizationId, name, effect: 'DENY', ...fields },
    );
    return { ...unwrap(payload, payload.policy), organizationId };
  }

  async updatePolicy(policy: OwnedPolicy, changes: object): Promise<void> {
    const { id, version, organizationId } = policy;
    const payload = await this.#mutate<Payload<'policy', Versioned | null>>(
      'updatePolicy',
      'UpdatePolicyInput',
      'policy { id version }',
      { id, version, organizationId, ...changes },
    );
    policy.version = unwrap(payload, payload.policy).version;
  }

  /** Text of a new token in the default group. */
  async createNodeToken(name: string): Promise<string> {
    const { nodeGroups } = await this.#request<{
      nodeGroups: { nodes: { id: string; name: string }[] };
    }>('{ nodeGroups(first: 100) { nodes { id name } } }');
    const nodeGroupId = nodeGroups.nodes.find((group) => group.name === 'default')?.id;
    const payload = await this.#mutate<Payload<'token', string | null>>(
      'createNodeToken',
      'CreateNodeTokenInput',
      'token',
      { nodeGroupId, name },
    );
    return unwrap(payload, payload.token);
  }

  async nodes(): Promise<readonly ShownNode[]> {
    const { nodes } = await this.#request<{ nodes: { nodes: ShownNode[] } }>(
      '{ nodes(first: 100) { nodes { id name connected appliedRevision replica conditions { type message } } } }',
    );
    return nodes.nodes;
  }

  /** The whole request log of an organization. */
  async requestLog(organizationId: string): Promise<readonly LogEntry[]> {
    const entries: LogEntry[] = [];
    let after: string | null = null;
    do {
      const page: RequestLogPage = await this.#request<RequestLogPage>(requestLogQuery, {
        organizationId,
        first: pageSize,
        after,
      });
      const { nodes, pageInfo } = page.organization.requestLogs;
      entries.push(...nodes);
      after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
    } while (after !== null);
    return entries;
  }

  /** Any other operation. @throws with the errors of the answer. */
  send<Data>(query: string, variables: object = {}): Promise<Data> {
    return this.#request<Data>(query, variables);
  }

  #request<Data>(query: string, variables: object = {}): Promise<Data> {
    return request<Data>(this.#graphqlUrl, this.accessToken, query, variables);
  }

  async #mutate<Result>(
    name: string,
    inputType: string,
    fields: string,
    input: object,
  ): Promise<Result> {
    const query = `mutation ($input: ${inputType}!) { ${name}(input: $input) { ${fields} userErrors { path message } } }`;
    const data = await this.#request<Record<string, Result>>(query, { input });
    const result = data[name];
    if (result === undefined) throw new Error(`${name} answered nothing.`);
    return result;
  }
}

interface RequestLogPage {
  readonly organization: {
    readonly requestLogs: {
      readonly nodes: readonly LogEntry[];
      readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
    };
  };
}

const requestLogQuery = `query ($organizationId: ID!, $first: Int!, $after: String) {
  organization(id: $organizationId) {
    requestLogs(first: $first, after: $after) {
      nodes { callId phase traceId nodeId method target decision reason outcome }
      pageInfo { hasNextPage endCursor }
    }
  }
}`;
