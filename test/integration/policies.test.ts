import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  dataOf,
  type GraphqlHarness,
  logIn,
  openHarness,
  operatorEmail,
  type Replica,
} from './graphql-harness.ts';

interface PolicyNode {
  readonly id: string;
  readonly name: string;
  readonly version: number;
  readonly revision: number;
  readonly position: number;
  readonly enabled: boolean;
  readonly mode: string;
  readonly message: string;
  readonly condition: string;
  readonly tools: readonly string[];
}

interface UserError {
  readonly path: readonly string[];
  readonly code: string;
  readonly finding: string | null;
  readonly line: number | null;
  readonly column: number | null;
  readonly hint: string | null;
}

interface PolicyPayload {
  readonly policy: PolicyNode | null;
  readonly revision: number | null;
  readonly warnings: readonly { readonly code: string; readonly path: readonly string[] }[] | null;
  readonly userErrors: readonly UserError[];
}

const fields = 'id name version revision position enabled mode message condition tools';

let harness: GraphqlHarness;
let replica: Replica;
let token: string;
let organizationId: string;
let serial = 0;

beforeAll(async () => {
  harness = await openHarness();
  replica = await harness.replica({ bounds: { policiesMax: 60 } });
  token = await logIn(replica, operatorEmail);
  organizationId = harness.platform.organization.id;
});

afterAll(() => harness.close());

async function query<Data>(text: string, variables: object = {}): Promise<Data> {
  return dataOf(await replica.post<Data>(text, { o: organizationId, ...variables }, token));
}

async function mutate(name: string, type: string, input: object): Promise<PolicyPayload> {
  const { result } = await query<{ result: PolicyPayload }>(
    `mutation($input: ${type}!) { result: ${name}(input: $input) {
       policy { ${fields} } revision warnings { code path }
       userErrors { path code finding line column hint } } }`,
    { input: { organizationId, ...input } },
  );
  return result;
}

function create(input: object = {}): Promise<PolicyPayload> {
  serial += 1;
  return mutate('createPolicy', 'CreatePolicyInput', {
    name: `policy-${serial}`,
    effect: 'DENY',
    ...input,
  });
}

function policyOf(payload: PolicyPayload): PolicyNode {
  if (payload.policy === null) throw new Error(JSON.stringify(payload.userErrors));
  return payload.policy;
}

async function made(input: object = {}): Promise<PolicyNode> {
  return policyOf(await create(input));
}

function update({ id, version }: PolicyNode, input: object): Promise<PolicyPayload> {
  return mutate('updatePolicy', 'UpdatePolicyInput', { id, version, ...input });
}

function move({ id, version }: PolicyNode, input: object): Promise<PolicyPayload> {
  return mutate('movePolicy', 'MovePolicyInput', { id, version, ...input });
}

async function remove({ id, version }: PolicyNode): Promise<void> {
  const input = { organizationId, id, version };
  await query(
    `mutation($input: DeletePolicyInput!) { deletePolicy(input: $input) { userErrors { code } } }`,
    { input },
  );
}

async function names(filter: object = {}, page = ''): Promise<string[]> {
  const { organization } = await query<{
    organization: { policies: { nodes: { name: string }[] } };
  }>(
    `query($o: ID!, $filter: PolicyFilter) { organization(id: $o) {
       policies(filter: $filter first: 100 ${page}) { nodes { name } } } }`,
    { filter },
  );
  return organization.policies.nodes.map(({ name }) => name);
}

describe('policies', () => {
  test('are made, read, changed and deleted', async () => {
    const created = await create({ tools: ['write_*'], message: 'Ask first.' });
    const policy = policyOf(created);
    expect(policy).toMatchObject({ version: 1, revision: 1, enabled: true, mode: 'ENFORCE' });
    expect(created.revision).toBeGreaterThan(0);
    const changed = policyOf(await update(policy, { message: '', mode: 'SHADOW' }));
    expect(changed).toMatchObject({ version: 2, revision: 2, mode: 'SHADOW', tools: ['write_*'] });
    const disabled = policyOf(await update(changed, { enabled: false }));
    expect(disabled).toMatchObject({ version: 3, revision: 3, enabled: false });
    const same = policyOf(await update(disabled, { enabled: false }));
    expect(same).toMatchObject({ version: 3, revision: 3 });
    await remove(same);
    const { policy: gone } = await query<{ policy: unknown }>(
      'query($o: ID!, $id: ID!) { policy(organizationId: $o, id: $id) { id } }',
      { id: policy.id },
    );
    expect(gone).toBeNull();
  });

  test('are not changed by who has read an older version', async () => {
    const policy = await made();
    policyOf(await update(policy, { message: 'one' }));
    for (const late of [update(policy, { message: 'two' }), move(policy, { place: 'FIRST' })]) {
      expect((await late).userErrors).toMatchObject([
        { code: 'VERSION_CONFLICT', path: ['version'] },
      ]);
    }
  });

  test('have a name of their own', async () => {
    const { name } = await made();
    expect((await create({ name })).userErrors).toMatchObject([{ code: 'TAKEN', path: ['name'] }]);
  });

  test.each([
    [{ name: 'No Slug' }, ['name'], 'INVALID_FORMAT'],
    [{ message: 'two\nlines' }, ['message'], 'INVALID_FORMAT'],
    [{ message: 'x'.repeat(301) }, ['message'], 'TOO_LONG'],
    [{ description: 'x'.repeat(4001) }, ['description'], 'TOO_LONG'],
    [{ condition: 'x'.repeat(8193) }, ['condition'], 'TOO_LONG'],
    [{ condition: 'true\u0000' }, ['condition'], 'INVALID_FORMAT'],
    [{ tools: ['a', 'b', 'a'] }, ['tools', '2'], 'DUPLICATE'],
    [{ tools: [''] }, ['tools', '0'], 'REQUIRED'],
    [{ servers: ['x'.repeat(257)] }, ['servers', '0'], 'TOO_LONG'],
    [{ tools: Array.from({ length: 201 }, (_, index) => `t${index}`) }, ['tools'], 'TOO_MANY'],
    [
      { resources: Array.from({ length: 40 }, (_, index) => `${index}/${'x'.repeat(2000)}`) },
      [],
      'TOO_LONG',
    ],
  ])('are refused for their form: %#', async (input, path, code) => {
    expect((await create(input)).userErrors).toMatchObject([{ path, code }]);
  });

  test('are refused for what they say, with place and hint', async () => {
    const { policy, userErrors } = await create({ condition: 'principal.subject ==\n  subjct' });
    expect(policy).toBeNull();
    expect(userErrors).toMatchObject([
      { path: ['condition'], code: 'INVALID_POLICY', finding: 'SYNTAX', line: 2, column: 3 },
    ]);
    const whole = await made({ condition: 'principal.kind == "user"' });
    const broken = await update(whole, { condition: 'principal.kin == "user"' });
    expect(broken.userErrors).toMatchObject([{ finding: 'UNKNOWN_FIELD', line: 1 }]);
    expect(broken.userErrors[0]?.hint).toContain('kind');
  });

  test('warn of what they name that is not there, and say so later too', async () => {
    const { policy, warnings } = await create({ roles: ['reviewer'], servers: ['nowhere'] });
    const expected = [
      { code: 'UNKNOWN_SERVER', path: ['servers', '0'] },
      { code: 'UNKNOWN_ROLE', path: ['roles', '0'] },
    ];
    expect(warnings).toEqual(expected);
    const role = {
      name: 'reviewer',
      permissions: ['SERVERS_CALL'],
    };
    await query(
      `mutation($input: CreateCustomRoleInput!) { createCustomRole(input: $input) { userErrors { code } } }`,
      { input: { organizationId, ...role } },
    );
    const { policy: later } = await query<{ policy: { findings: object[] } }>(
      `query($o: ID!, $id: ID!) { policy(organizationId: $o, id: $id) {
         findings { severity code path } } }`,
      { id: policy?.id },
    );
    expect(later.findings).toEqual([{ severity: 'WARNING', ...expected[0] }]);
  });

  test('can be disabled also when the organization has changed under them', async () => {
    const settings = (input: object) =>
      query<{ updateOrganization: { organization: object; userErrors: object[] } }>(
        `mutation($input: UpdateOrganizationInput!) { updateOrganization(input: $input) {
           organization { id } userErrors { code } } }`,
        { input: { organizationId, ...input } },
      );
    const version = async () =>
      (
        await query<{ organization: { version: number } }>(
          'query($o: ID!) { organization(id: $o) { version } }',
        )
      ).organization.version;
    await settings({ version: await version(), policyHeaders: ['x-team'] });
    const condition = '"x-team" in request.headers && request.headers["x-team"] == "search"';
    const policy = await made({ condition });
    await settings({ version: await version(), policyHeaders: [] });
    const disabled = policyOf(await update(policy, { enabled: false }));
    const enabled = await update(disabled, { enabled: true });
    expect(enabled.userErrors.map(({ finding }) => finding)).toContain('UNKNOWN_HEADER');
  });

  test('are bounded in number', async () => {
    const few = await harness.replica({ bounds: { policiesMax: 0 } });
    const reply = await few.post<{ createPolicy: PolicyPayload }>(
      `mutation($input: CreatePolicyInput!) { createPolicy(input: $input) { userErrors { code path } } }`,
      { input: { organizationId, name: 'too-many', effect: 'DENY' } },
      token,
    );
    expect(dataOf(reply).createPolicy.userErrors).toEqual([
      { code: 'TOO_MANY', path: ['organizationId'] },
    ]);
    await few.close();
  });
});

describe('the order of policies', () => {
  test('is that of their making, until one is moved', async () => {
    const [a, b, c] = [await made(), await made(), await made()];
    const own = async () =>
      (await names()).filter((name) => [a, b, c].some((p) => p.name === name));
    expect(await own()).toEqual([a.name, b.name, c.name]);
    const moved = policyOf(await move(c, { place: 'BEFORE', besideId: b.id }));
    expect(moved).toMatchObject({ version: 2, revision: 1 });
    expect(await own()).toEqual([a.name, c.name, b.name]);
    policyOf(await move(a, { place: 'AFTER', besideId: b.id }));
    expect(await own()).toEqual([c.name, b.name, a.name]);
    policyOf(await move(b, { place: 'FIRST' }));
    expect((await names())[0]).toBe(b.name);
    policyOf(await move(moved, { place: 'LAST' }));
    expect((await names()).at(-1)).toBe(c.name);
  });

  test('is asked for beside another policy that there is', async () => {
    const policy = await made();
    const places = [
      [{ place: 'BEFORE' }, 'REQUIRED'],
      [{ place: 'FIRST', besideId: policy.id }, 'INVALID_FORMAT'],
      [{ place: 'AFTER', besideId: policy.id }, 'NOT_FOUND'],
      [{ place: 'AFTER', besideId: randomUUID() }, 'NOT_FOUND'],
      [{ place: 'AFTER', besideId: 'nonsense' }, 'NOT_FOUND'],
    ] as const;
    for (const [input, code] of places) {
      expect((await move(policy, input)).userErrors).toMatchObject([{ code, path: ['besideId'] }]);
    }
  });

  test('survives many moves to one place, made by two at once', async () => {
    const [first, second] = [await made(), await made()];
    const others = [await made(), await made(), await made()];
    let current = others;
    for (let round = 0; round < 8; round += 1) {
      const moves = current.map((policy) => move(policy, { place: 'AFTER', besideId: first.id }));
      current = (await Promise.all(moves)).map(policyOf);
    }
    const order = await names();
    expect(new Set(order).size).toBe(order.length);
    const between = order.slice(order.indexOf(first.name) + 1, order.indexOf(second.name));
    expect(between.sort()).toEqual(others.map(({ name }) => name).sort());
  }, 20_000);
});

describe('a list of policies', () => {
  test('is narrowed by what they are and what they can be about', async () => {
    const marker = `find-${randomUUID().slice(0, 8)}`;
    const one = { description: marker };
    const anything = await made(one);
    const tool = await made({ ...one, tools: ['write_*'], servers: ['files'], mode: 'SHADOW' });
    const resource = await made({ ...one, resources: ['file:///**'], effect: 'ALLOW' });
    const off = await made({ ...one, methods: ['resources/read'], enabled: false });
    const found = async (filter: object) => names({ search: marker, ...filter });
    const nameOf = (...policies: PolicyNode[]) => policies.map(({ name }) => name);
    expect(await found({})).toEqual(nameOf(anything, tool, resource, off));
    expect(await found({ enabled: false })).toEqual(nameOf(off));
    expect(await found({ mode: 'SHADOW' })).toEqual(nameOf(tool));
    expect(await found({ effect: 'ALLOW' })).toEqual(nameOf(resource));
    expect(await found({ tool: 'write_file' })).toEqual(nameOf(anything, tool));
    expect(await found({ tool: 'read_file' })).toEqual(nameOf(anything));
    expect(await found({ server: 'mail' })).toEqual(nameOf(anything, resource, off));
    expect(await found({ server: 'files', tool: 'write_file' })).toEqual(nameOf(anything, tool));
  });

  test('comes in pages', async () => {
    const marker = `page-${randomUUID().slice(0, 8)}`;
    for (const _ of [1, 2, 3]) await made({ description: marker });
    const page = (after: string | null) =>
      query<{
        organization: {
          policies: { nodes: PolicyNode[]; pageInfo: { hasNextPage: boolean; endCursor: string } };
        };
      }>(
        `query($o: ID!, $f: PolicyFilter, $after: String) { organization(id: $o) {
           policies(filter: $f first: 2 after: $after) {
             nodes { name } pageInfo { hasNextPage endCursor } } } }`,
        { f: { search: marker, tool: 'any' }, after },
      );
    const first = (await page(null)).organization.policies;
    expect([first.nodes.length, first.pageInfo.hasNextPage]).toEqual([2, true]);
    const second = (await page(first.pageInfo.endCursor)).organization.policies;
    expect([second.nodes.length, second.pageInfo.hasNextPage]).toEqual([1, false]);
  });
});

describe('the history of a policy', () => {
  interface Revision {
    readonly revision: number;
    readonly change: string;
    readonly actor: string;
    readonly configRevision: number;
    readonly definition: { readonly name: string; readonly tools: readonly string[] };
    readonly changes: readonly object[];
  }

  const revisionFields =
    'revision change actor configRevision definition { name tools } changes { field before after added removed }';

  test('says what each revision changed, page by page', async () => {
    const policy = await made({ tools: ['a', 'b'], condition: 'principal.kind == "user"' });
    const moved = policyOf(await move(policy, { place: 'FIRST' }));
    const saved = await update(moved, {
      tools: ['b', 'c'],
      condition: 'principal.kind != "user"',
      enabled: false,
    });
    policyOf(saved);
    const history = (page: string) =>
      query<{ policy: { history: { nodes: Revision[]; pageInfo: { endCursor: string } } } }>(
        `query($o: ID!, $id: ID!) { policy(organizationId: $o, id: $id) {
           history(${page}) { nodes { ${revisionFields} } pageInfo { endCursor } } } }`,
        { id: policy.id },
      );
    const { nodes, pageInfo } = (await history('first: 1')).policy.history;
    expect(nodes).toEqual([
      {
        revision: 2,
        change: 'UPDATED',
        actor: `user:${harness.platform.operator.id}`,
        configRevision: saved.revision,
        definition: { name: policy.name, tools: ['b', 'c'] },
        changes: [
          { field: 'enabled', before: 'true', after: 'false', added: [], removed: [] },
          { field: 'tools', before: null, after: null, added: ['c'], removed: ['a'] },
          {
            field: 'condition',
            before: 'principal.kind == "user"',
            after: 'principal.kind != "user"',
            added: [],
            removed: [],
          },
        ],
      },
    ]);
    const rest = (await history(`first: 5, after: "${pageInfo.endCursor}"`)).policy.history.nodes;
    expect(rest).toMatchObject([{ revision: 1, change: 'CREATED' }]);
    expect(rest[0]?.changes).toContainEqual({
      ...{ field: 'effect', before: null, after: 'deny', added: [], removed: [] },
    });
    expect(rest[0]?.changes).not.toContainEqual(expect.objectContaining({ field: 'message' }));
  });

  test('outlives the policy', async () => {
    const policy = await made({ tools: ['a'] });
    await remove(policy);
    const revision = (number: number) =>
      query<{ policyRevision: Revision | null }>(
        `query($o: ID!, $id: ID!, $n: Int!) {
           policyRevision(organizationId: $o, policyId: $id, revision: $n) { ${revisionFields} } }`,
        { id: policy.id, n: number },
      );
    expect((await revision(1)).policyRevision?.definition.tools).toEqual(['a']);
    expect((await revision(2)).policyRevision).toMatchObject({ change: 'DELETED', changes: [] });
    expect((await revision(3)).policyRevision).toBeNull();
  });
});

describe('a policy that is not stored', () => {
  const validate = (policy: object) =>
    query<{ validatePolicy: { valid: boolean; userErrors: object[]; findings: object[] } }>(
      `query($o: ID!, $policy: PolicyDefinitionInput!) {
         validatePolicy(organizationId: $o, policy: $policy) {
           valid userErrors { path code } findings { severity code path line column hint message } } }`,
      { policy: { name: 'draft', effect: 'DENY', ...policy } },
    );

  test('is validated as if it were', async () => {
    expect((await validate({})).validatePolicy).toEqual({
      ...{ valid: true, userErrors: [], findings: [] },
    });
    expect((await validate({ message: 'a\nb' })).validatePolicy).toEqual({
      valid: false,
      userErrors: [{ path: ['message'], code: 'INVALID_FORMAT' }],
      findings: [],
    });
    const { valid, findings } = (await validate({ condition: '1 +', roles: ['nobody'] }))
      .validatePolicy;
    expect(valid).toBe(false);
    expect(findings).toMatchObject([
      { severity: 'ERROR', code: 'SYNTAX', path: ['condition'], line: 1 },
      { severity: 'WARNING', code: 'UNKNOWN_ROLE', path: ['roles', '0'], line: null },
    ]);
  });
});

describe('ready-made policies', () => {
  test('are listed, shown and made', async () => {
    const { policyTemplates } = await query<{
      policyTemplates: { id: string; parameters: { name: string; required: boolean }[] }[];
    }>(
      '{ policyTemplates { id title description parameters { name kind required defaultValue } } }',
    );
    expect(policyTemplates.map(({ id }) => id)).toContain('path-jail');
    const shown = await query<{
      policyFromTemplate: { policy: { condition: string; roles: string[] } };
    }>(
      `query($p: JSONObject!) { policyFromTemplate(template: "read-only-agents", parameters: $p) {
         policy { condition roles mode } userErrors { code } } }`,
      { p: { roles: ['developer'] } },
    );
    expect(shown.policyFromTemplate.policy).toMatchObject({ roles: ['developer'], mode: 'SHADOW' });
    const payload = await mutate('createPolicyFromTemplate', 'CreatePolicyFromTemplateInput', {
      template: 'read-only-agents',
      parameters: { roles: ['developer'] },
    });
    expect(policyOf(payload)).toMatchObject({ name: 'read-only-agents', mode: 'SHADOW' });
  });

  test.each([
    [{ template: 'nothing' }, ['template'], 'NOT_FOUND'],
    [
      { template: 'read-only-agents', parameters: { roles: 7 } },
      ['parameters', 'roles'],
      undefined,
    ],
    [{ template: 'read-only-agents', name: 'No Slug' }, ['name'], 'INVALID_FORMAT'],
  ])('are refused with what is wrong: %#', async (input, path, code) => {
    const { userErrors } = await mutate(
      'createPolicyFromTemplate',
      'CreatePolicyFromTemplateInput',
      input,
    );
    expect(userErrors[0]?.path.slice(0, path.length)).toEqual(path);
    if (code !== undefined) expect(userErrors[0]?.code).toBe(code);
  });
});

describe('an organization’s settings about policies', () => {
  const settingFields =
    'version policyDefault toolRefusalForm argumentRecording argumentBytesMax policyHeaders';

  async function version(): Promise<number> {
    const { organization } = await query<{ organization: { version: number } }>(
      'query($o: ID!) { organization(id: $o) { version } }',
    );
    return organization.version;
  }

  async function change(input: object) {
    const { updateOrganization } = await query<{
      updateOrganization: { organization: object | null; userErrors: object[] };
    }>(
      `mutation($input: UpdateOrganizationInput!) { updateOrganization(input: $input) {
         organization { ${settingFields} } userErrors { path code } } }`,
      { input: { organizationId, version: await version(), ...input } },
    );
    return updateOrganization;
  }

  test('are changed, each by itself', async () => {
    const before = { toolRefusalForm: 'JSON_RPC_ERROR', argumentRecording: 'OFF' };
    expect(
      await change({ policyDefault: 'DENY', policyHeaders: ['X-Team', 'x-region'] }),
    ).toMatchObject({
      organization: {
        ...before,
        ...{ policyDefault: 'DENY', argumentBytesMax: 16_384 },
        policyHeaders: ['x-team', 'x-region'],
      },
    });
    const form = { toolRefusalForm: 'TOOL_RESULT', argumentRecording: 'REDACTED' };
    expect(await change({ ...form, argumentBytesMax: 256, policyDefault: 'ALLOW' })).toMatchObject({
      organization: { ...form, policyDefault: 'ALLOW', policyHeaders: ['x-team', 'x-region'] },
    });
  });

  test.each([
    [{ argumentBytesMax: 255 }, ['argumentBytesMax'], 'OUT_OF_RANGE'],
    [{ argumentBytesMax: 65_537 }, ['argumentBytesMax'], 'OUT_OF_RANGE'],
    [{ policyHeaders: ['x-team', 'X-Team'] }, ['policyHeaders', '1'], 'DUPLICATE'],
    [{ policyHeaders: ['x team'] }, ['policyHeaders', '0'], 'INVALID_FORMAT'],
    [
      { policyHeaders: Array.from({ length: 21 }, (_, index) => `x-${index}`) },
      ['policyHeaders'],
      'TOO_MANY',
    ],
  ])('are refused out of bounds: %#', async (input, path, code) => {
    expect(await change(input)).toEqual({ organization: null, userErrors: [{ path, code }] });
  });

  test.each([
    'Authorization',
    'proxy-authorization',
    'cookie',
    'set-cookie',
    'x-api-key',
    'apikey',
    'mcp-session-id',
    'x-auth-token',
    'x-auth',
    'x-amz-security-token',
    'cf-access-jwt-assertion',
    'x-hub-signature-256',
    'x-client-secret',
  ])('keep %s out of what conditions may read', async (header) => {
    expect(await change({ policyHeaders: [header] })).toMatchObject({
      userErrors: [{ path: ['policyHeaders', '0'], code: 'INVALID_FORMAT' }],
    });
  });

  test('hold for a new organization too', async () => {
    const input = { slug: `new-${randomUUID().slice(0, 8)}`, name: 'New', policyDefault: 'DENY' };
    const { createOrganization } = await query<{ createOrganization: { organization: object } }>(
      `mutation($input: CreateOrganizationInput!) { createOrganization(input: $input) {
         organization { ${settingFields} } userErrors { code } } }`,
      { input },
    );
    expect(createOrganization.organization).toMatchObject({
      ...{ policyDefault: 'DENY', toolRefusalForm: 'JSON_RPC_ERROR', policyHeaders: [] },
    });
  });
});

describe('servers that policies name', () => {
  /** Makes, changes or deletes a server, and says what the change touched. */
  async function touched(name: string, input: object): Promise<{ kinds: string[]; server: Saved }> {
    const deletes = name === 'deleteServer';
    const type = deletes
      ? 'DeleteInOrganizationInput'
      : `${name === 'createServer' ? 'Create' : 'Update'}ServerInput`;
    const wanted = deletes ? '__typename' : 'server { id version }';
    const { result } = await query<{ result: { server: Saved } }>(
      `mutation($input: ${type}!) { result: ${name}(input: $input) { ${wanted} userErrors { code } } }`,
      { input: { organizationId, ...input } },
    );
    const system = await harness.database.connect('system');
    const { rows } = await system.query<{ entries: { kind: string }[] }>(
      'select entries from config_changes order by revision desc limit 1',
    );
    return { kinds: (rows[0]?.entries ?? []).map(({ kind }) => kind), server: result.server };
  }

  interface Saved {
    readonly id: string;
    readonly version: number;
  }

  test('make the policies be read again only when one comes, goes or is called otherwise', async () => {
    const endpoints = [{ url: 'http://127.0.0.1:9/mcp' }];
    const created = await touched('createServer', { slug: 'named', name: 'Named', endpoints });
    expect(created.kinds).toEqual(['server', 'server_names']);
    const described = await touched('updateServer', { ...created.server, description: 'new' });
    expect(described.kinds).toEqual(['server']);
    const renamed = await touched('updateServer', { ...described.server, slug: 'renamed' });
    expect(renamed.kinds).toEqual(['server', 'server_names']);
    const gone = await touched('deleteServer', renamed.server);
    expect(gone.kinds).toEqual(['server', 'server_names']);
  });
});
