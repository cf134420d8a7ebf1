import { expect } from '@jest/globals';
import type { Answer, AuditWorld } from './audit-world.ts';

/** What a case can look at once its mutation has succeeded. */
export interface Happened {
  readonly world: AuditWorld;
  readonly payload: Answer['payload'];
}

/** An entry that a mutation has to leave. */
export interface ExpectedEntry {
  readonly in: 'organization' | 'platform';
  readonly action: string;
  readonly target: readonly [type: string, id: (happened: Happened) => unknown];
  /** Part of the entry's details; a list is whole. */
  readonly details: object;
  readonly privateDetails?: object;
  /** Left out: who called. */
  readonly actorId?: (happened: Happened) => unknown;
}

/** How a mutation is run, and what stands in the audit trail then. */
export interface AuditCase {
  readonly as: 'owner' | 'operator' | 'person' | 'nobody';
  /** Kinds of objects that are made for it, in this order. */
  readonly needs?: readonly string[];
  /** Runs after the objects were made. */
  readonly before?: (world: AuditWorld) => Promise<unknown>;
  /** Beside what its types alone ask for; in `input` if the mutation has one. */
  readonly given?: (world: AuditWorld) => object | Promise<object>;
  readonly leaves: readonly ExpectedEntry[] | { readonly nothing: string };
  /** Tables that change even when the entry can't be written, and why they may. */
  readonly apart?: Readonly<Record<string, string>>;
}

const made =
  (kind: string) =>
  ({ world }: Happened) =>
    world.made(kind).id;

const answered =
  (kind: string, name = 'id') =>
  ({ payload }: Happened) =>
    (payload[kind] as Record<string, unknown> | undefined)?.[name];

const text: unknown = expect.any(String);
const time: unknown = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
const uuid: unknown = expect.stringMatching(/^[0-9a-f-]{36}$/);
const redacted = '[redacted]';

/** Details of a change from one value of a field to another. */
function from(name: string, before: unknown, after: unknown): object {
  return { changed: [name], before: { [name]: before }, after: { [name]: after } };
}

/** An entry about an object of a kind in the organization's trail, or the platform's. */
function entry(
  place: ExpectedEntry['in'],
  action: string,
  id: ExpectedEntry['target'][1],
  details: object,
  more: Partial<ExpectedEntry> = {},
): ExpectedEntry {
  const [type = ''] = action.split('.');
  return { in: place, action, target: [type, id], details, ...more };
}

const person = { as: 'person', needs: ['user'] } as const;

/** Somebody who is nobody yet: the actor is the account that is acted for. */
const actsFor = { actorId: made('user') };

/** The reasons for which a mutation may rightly leave nothing. */
const nothing = {
  refresh:
    'goes on with a session whose beginning has its entry; a quarter-hourly entry for each client would bury what matters. A refresh token that is used twice has one.',
  begin: 'nobody is known yet, and nobody is logged in: completeOidcLogin has its entry',
} as const;

/**
 * Every mutation of the schema, some in more than one way: the first word is the mutation's name. A mutation
 * without a case fails the test.
 */
export const auditCases: Readonly<Record<string, AuditCase>> = {
  login: {
    as: 'nobody',
    needs: ['user'],
    given: (world) => ({ email: world.made('user')['email'], password: world.password }),
    leaves: [
      entry(
        'platform',
        'user.login',
        made('user'),
        { method: 'password', sessionId: uuid },
        actsFor,
      ),
    ],
  },
  refresh: {
    as: 'nobody',
    needs: ['user'],
    given: async (world) => ({ refreshToken: await world.refreshToken() }),
    leaves: { nothing: nothing.refresh },
  },
  logout: {
    ...person,
    leaves: [
      entry(
        'platform',
        'session.end',
        made('user'),
        { reason: 'logged_out', sessionIds: [uuid] },
        {
          target: ['user', made('user')],
        },
      ),
    ],
  },
  endSession: {
    ...person,
    given: async (world) => ({ id: (await world.session()).sessionId }),
    leaves: [
      entry(
        'platform',
        'session.end',
        made('user'),
        { reason: 'ended_by_user', sessionIds: [uuid] },
        {
          target: ['user', made('user')],
        },
      ),
    ],
  },
  endOtherSessions: {
    ...person,
    before: (world) => world.session(),
    leaves: [
      entry(
        'platform',
        'session.end',
        made('user'),
        { reason: 'ended_by_user', sessionIds: [uuid] },
        {
          target: ['user', made('user')],
        },
      ),
    ],
  },
  'endOtherSessions without any': {
    ...person,
    leaves: [
      entry(
        'platform',
        'session.end',
        made('user'),
        { reason: 'ended_by_user', sessionIds: [] },
        {
          target: ['user', made('user')],
        },
      ),
    ],
  },
  endUserSessions: {
    as: 'operator',
    needs: ['user'],
    before: (world) => world.session(),
    leaves: [
      entry(
        'platform',
        'session.end',
        made('user'),
        { reason: 'ended_by_operator', sessionIds: [uuid] },
        { target: ['user', made('user')] },
      ),
    ],
  },
  'endUserSessions without any': {
    as: 'operator',
    needs: ['user'],
    leaves: [
      entry(
        'platform',
        'session.end',
        made('user'),
        { sessionIds: [] },
        {
          target: ['user', made('user')],
        },
      ),
    ],
  },
  changePassword: {
    ...person,
    before: (world) => world.session(),
    given: () => ({ newPassword: 'another horse battery' }),
    leaves: [
      entry('platform', 'user.change_password', made('user'), {
        ...from('passwordHash', redacted, redacted),
        sessionsEnded: 1,
      }),
    ],
  },
  requestPasswordReset: {
    as: 'operator',
    needs: ['user'],
    leaves: [
      entry('platform', 'user.request_password_reset', made('user'), {
        after: { expiresAt: time },
        tokenId: text,
      }),
    ],
  },
  requestMemberPasswordReset: {
    as: 'owner',
    needs: ['member'],
    leaves: [
      entry('organization', 'user.request_password_reset', made('user'), {
        after: { expiresAt: time },
        tokenId: text,
      }),
    ],
  },
  resetPassword: {
    as: 'nobody',
    needs: ['user'],
    given: async (world) => {
      const userId = world.made('user').id;
      const { token } = await world.succeed('requestPasswordReset', { userId }, world.operator);
      return { token, newPassword: 'another horse battery' };
    },
    leaves: [
      entry(
        'platform',
        'user.reset_password',
        made('user'),
        { ...from('passwordHash', redacted, redacted), sessionsEnded: 0, tokenId: text },
        actsFor,
      ),
    ],
  },
  inviteMember: {
    as: 'owner',
    leaves: [
      entry(
        'organization',
        'invitation.create',
        answered('invitation'),
        { after: { role: 'developer', expiresAt: time }, earlierEnded: 0 },
        { privateDetails: { after: { email: text } } },
      ),
    ],
  },
  'inviteMember once more': {
    as: 'owner',
    needs: ['invitation'],
    given: (world) => ({ email: world.made('invitation')['email'] }),
    leaves: [
      entry('organization', 'invitation.create', answered('invitation'), { earlierEnded: 1 }),
    ],
  },
  revokeInvitation: {
    as: 'owner',
    needs: ['invitation'],
    leaves: [
      entry('organization', 'invitation.revoke', made('invitation'), from('revokedAt', null, time)),
    ],
  },
  acceptInvitation: {
    as: 'nobody',
    needs: ['invitation'],
    given: (world) => ({
      token: world.made('invitation')['token'],
      displayName: 'Somebody new',
      password: world.password,
    }),
    leaves: [
      entry(
        'platform',
        'user.create',
        answered('user'),
        { organizationId: uuid },
        {
          actorId: answered('user'),
          privateDetails: { after: { email: text, displayName: 'Somebody new' } },
        },
      ),
      entry(
        'organization',
        'invitation.accept',
        answered('user'),
        { after: { role: 'developer' }, invitationId: uuid, accountCreated: true },
        { target: ['user', answered('user')], actorId: answered('user') },
      ),
    ],
  },
  'acceptInvitation by who has an account': {
    ...person,
    before: (world) => world.make('invitation', { email: world.made('user')['email'] }),
    given: (world) => ({ token: world.made('invitation')['token'] }),
    leaves: [
      entry(
        'organization',
        'invitation.accept',
        made('user'),
        { after: { role: 'developer' }, accountCreated: false },
        { target: ['user', made('user')] },
      ),
    ],
  },
  issueProxyToken: {
    as: 'owner',
    needs: ['server'],
    leaves: [
      entry(
        'organization',
        'proxy_token.issue',
        made('server'),
        { after: { scope: text, expiresAt: time }, tokenId: text },
        { target: ['server', made('server')] },
      ),
    ],
  },
  createOrganization: {
    as: 'operator',
    needs: ['user'],
    leaves: [
      {
        ...entry('organization', 'organization.create', answered('organization'), {
          after: { name: text, slug: text, enabled: true },
        }),
      },
    ],
  },
  updateOrganization: {
    as: 'operator',
    needs: ['user', 'organization'],
    given: () => ({ name: 'Renamed' }),
    leaves: [
      entry(
        'organization',
        'organization.update',
        made('organization'),
        from('name', text, 'Renamed'),
      ),
    ],
  },
  'updateOrganization with policy settings': {
    as: 'operator',
    needs: ['user', 'organization'],
    given: () => ({ policyDefault: 'DENY', policyHeaders: ['X-Team'] }),
    leaves: [
      entry('organization', 'organization.update', made('organization'), {
        changed: ['policyDefault', 'policyHeaders'],
        before: { policyDefault: 'allow', policyHeaders: [] },
        after: { policyDefault: 'deny', policyHeaders: ['x-team'] },
      }),
    ],
  },
  deleteOrganization: {
    as: 'operator',
    needs: ['user', 'organization'],
    given: (world) => ({ confirmSlug: world.made('organization')['slug'] }),
    leaves: [
      entry('organization', 'organization.delete', made('organization'), {
        before: { slug: text, name: text },
      }),
    ],
  },
  createUser: {
    as: 'operator',
    leaves: [
      entry(
        'platform',
        'user.create',
        answered('user'),
        { after: { passwordHash: redacted, platformRole: null } },
        { privateDetails: { after: { email: text, displayName: text } } },
      ),
    ],
  },
  updateUser: {
    as: 'operator',
    needs: ['user'],
    given: () => ({ disabled: true }),
    leaves: [entry('platform', 'user.update', made('user'), from('disabledAt', null, time))],
  },
  'updateUser with a password': {
    as: 'operator',
    needs: ['user'],
    before: (world) => world.session(),
    given: () => ({ password: 'another horse battery', displayName: 'Renamed' }),
    leaves: [
      entry(
        'platform',
        'user.update',
        made('user'),
        {
          ...from('passwordHash', redacted, redacted),
          changed: ['displayName', 'passwordHash'],
          sessionsEnded: 1,
        },
        { privateDetails: { before: { displayName: text }, after: { displayName: 'Renamed' } } },
      ),
    ],
  },
  deleteUser: {
    as: 'operator',
    needs: ['user'],
    leaves: [
      entry(
        'platform',
        'user.delete',
        made('user'),
        { before: { platformRole: null } },
        { privateDetails: { before: { email: text } } },
      ),
    ],
  },
  addMember: {
    as: 'operator',
    needs: ['user'],
    given: (world) => ({ email: world.made('user')['email'] }),
    leaves: [
      entry(
        'organization',
        'member.add',
        made('user'),
        { after: { role: 'developer' } },
        {
          target: ['user', made('user')],
        },
      ),
    ],
  },
  updateMember: {
    as: 'owner',
    needs: ['member'],
    given: () => ({ role: 'AGENT' }),
    leaves: [
      entry('organization', 'member.update', made('user'), from('role', 'developer', 'agent'), {
        target: ['user', made('user')],
      }),
    ],
  },
  removeMember: {
    as: 'owner',
    needs: ['member'],
    leaves: [
      entry(
        'organization',
        'member.remove',
        made('user'),
        { before: { role: 'developer' }, apiKeysEnded: 0 },
        { target: ['user', made('user')] },
      ),
    ],
  },
  createCustomRole: {
    as: 'owner',
    leaves: [
      entry('organization', 'custom_role.create', answered('customRole'), {
        after: { name: text, permissions: ['servers.read'] },
      }),
    ],
  },
  updateCustomRole: {
    as: 'owner',
    needs: ['customRole'],
    given: () => ({ permissions: ['SERVERS_READ', 'AUDIT_READ'] }),
    leaves: [
      entry(
        'organization',
        'custom_role.update',
        made('customRole'),
        from(
          'permissions',
          ['servers.read'],
          expect.arrayContaining(['servers.read', 'audit.read']),
        ),
      ),
    ],
  },
  deleteCustomRole: {
    as: 'owner',
    needs: ['customRole'],
    leaves: [
      entry('organization', 'custom_role.delete', made('customRole'), {
        before: { permissions: ['servers.read'] },
      }),
    ],
  },
  createServiceAccount: {
    as: 'owner',
    leaves: [
      entry('organization', 'service_account.create', answered('serviceAccount'), {
        after: { name: text, role: 'developer', disabledAt: null },
      }),
    ],
  },
  updateServiceAccount: {
    as: 'owner',
    needs: ['serviceAccount'],
    given: () => ({ role: null, disabled: true }),
    leaves: [
      entry(
        'organization',
        'service_account.update',
        made('serviceAccount'),
        from('disabledAt', null, time),
      ),
    ],
  },
  deleteServiceAccount: {
    as: 'owner',
    needs: ['serviceAccount', 'apiKey'],
    leaves: [
      entry('organization', 'service_account.delete', made('serviceAccount'), {
        before: { name: text, role: 'developer' },
        apiKeysEnded: 1,
      }),
    ],
  },
  createApiKey: {
    as: 'owner',
    needs: ['serviceAccount'],
    leaves: [
      entry(
        'organization',
        'api_key.create',
        answered('apiKey'),
        { after: { serviceAccountId: uuid, scopes: [text], expiresAt: null }, keyId: text },
        { privateDetails: { after: { label: text } } },
      ),
    ],
  },
  updateApiKey: {
    as: 'owner',
    needs: ['serviceAccount', 'apiKey'],
    given: () => ({ scopes: ['admin:read'] }),
    leaves: [
      entry(
        'organization',
        'api_key.update',
        made('apiKey'),
        from('scopes', [text], ['admin:read']),
      ),
    ],
  },
  rotateApiKey: {
    as: 'owner',
    needs: ['serviceAccount', 'apiKey'],
    leaves: [
      entry('organization', 'api_key.rotate', made('apiKey'), {
        changed: ['expiresAt', 'replacedBy'],
        before: { expiresAt: null, replacedBy: null },
        after: { expiresAt: time, replacedBy: uuid },
      }),
    ],
  },
  revokeApiKey: {
    as: 'owner',
    needs: ['serviceAccount', 'apiKey'],
    leaves: [
      entry('organization', 'api_key.revoke', made('apiKey'), from('revokedAt', null, time)),
    ],
  },
  deleteApiKey: {
    as: 'owner',
    needs: ['serviceAccount', 'apiKey'],
    leaves: [
      entry('organization', 'api_key.delete', made('apiKey'), {
        before: { serviceAccountId: uuid, scopes: [text] },
      }),
    ],
  },
  revokeSubject: {
    as: 'owner',
    leaves: [
      entry(
        'organization',
        'subject.revoke',
        answered('revocation'),
        { after: { issuedBefore: time, reason: text } },
        {
          target: ['revocation', answered('revocation')],
          privateDetails: { after: { subject: expect.stringMatching(/^user:/) } },
        },
      ),
    ],
  },
  revokeToken: {
    as: 'owner',
    leaves: [
      entry(
        'organization',
        'token.revoke',
        answered('revocation'),
        { after: { tokenId: text, reason: text, expiresAt: time } },
        { target: ['revocation', answered('revocation')] },
      ),
    ],
  },
  createServer: {
    as: 'owner',
    given: () => ({ credential: { header: 'x-credential', value: 'a secret for the upstream' } }),
    leaves: [
      entry('organization', 'server.create', answered('server'), {
        after: {
          name: text,
          endpoints: [expect.objectContaining({ url: text })],
          credential: redacted,
        },
      }),
    ],
  },
  updateServer: {
    as: 'owner',
    needs: ['server'],
    given: () => ({ name: 'Renamed' }),
    leaves: [entry('organization', 'server.update', made('server'), from('name', text, 'Renamed'))],
  },
  'updateServer with a credential': {
    as: 'owner',
    needs: ['server'],
    given: () => ({ credential: { header: 'x-credential', value: 'a secret for the upstream' } }),
    leaves: [
      entry('organization', 'server.update', made('server'), {
        changed: ['credentialHeader', 'credential'],
        after: { credential: redacted },
      }),
    ],
  },
  deleteServer: {
    as: 'owner',
    needs: ['server'],
    leaves: [
      entry('organization', 'server.delete', made('server'), {
        before: { name: text, endpoints: [expect.objectContaining({ url: text })] },
      }),
    ],
  },
  createPolicy: {
    as: 'owner',
    given: () => ({ tools: ['write_*'], condition: 'principal.kind == "user"' }),
    leaves: [
      entry('organization', 'policy.create', answered('policy'), {
        after: {
          name: text,
          effect: 'allow',
          enabled: true,
          tools: ['write_*'],
          condition: 'principal.kind == "user"',
        },
      }),
    ],
  },
  createPolicyFromTemplate: {
    as: 'owner',
    leaves: [
      entry('organization', 'policy.create', answered('policy'), {
        template: 'read-only-agents',
        after: { name: text, mode: 'shadow', effect: 'deny', condition: text },
      }),
    ],
  },
  updatePolicy: {
    as: 'owner',
    needs: ['policy'],
    given: () => ({ enabled: false }),
    leaves: [entry('organization', 'policy.update', made('policy'), from('enabled', true, false))],
  },
  movePolicy: {
    as: 'owner',
    needs: ['policy'],
    given: () => ({ place: 'FIRST' }),
    leaves: [
      entry(
        'organization',
        'policy.move',
        made('policy'),
        from('position', expect.any(Number), expect.any(Number)),
      ),
    ],
  },
  deletePolicy: {
    as: 'owner',
    needs: ['policy'],
    leaves: [
      entry('organization', 'policy.delete', made('policy'), {
        before: { name: text, effect: 'allow' },
      }),
    ],
  },
  createPolicyExpectation: {
    as: 'owner',
    needs: ['policy'],
    leaves: [
      entry('organization', 'policy_expectation.create', answered('policyExpectation'), {
        after: { name: text, policyId: text, expected: 'allow', call: expect.any(Object) },
      }),
    ],
  },
  updatePolicyExpectation: {
    as: 'owner',
    needs: ['policy', 'policyExpectation'],
    given: () => ({ expected: 'DENY' }),
    leaves: [
      entry(
        'organization',
        'policy_expectation.update',
        made('policyExpectation'),
        from('expected', 'allow', 'deny'),
      ),
    ],
  },
  deletePolicyExpectation: {
    as: 'owner',
    needs: ['policy', 'policyExpectation'],
    leaves: [
      entry('organization', 'policy_expectation.delete', made('policyExpectation'), {
        before: { name: text, expected: 'allow' },
      }),
    ],
  },
  'updatePolicy by force': {
    as: 'owner',
    needs: ['policy', 'policyExpectation'],
    given: () => ({ enabled: false, force: true }),
    leaves: [
      entry('organization', 'policy.update', made('policy'), {
        ...from('enabled', true, false),
        forced: true,
        failedCount: expect.any(Number),
        failedExpectations: expect.arrayContaining([expect.stringMatching(/\//)]),
      }),
    ],
  },
  beginOidcLogin: {
    as: 'nobody',
    needs: ['loginIssuer'],
    before: (world) => world.succeed('refreshIssuer', {}, world.owner),
    given: (world) => world.loginRequest(),
    leaves: { nothing: nothing.begin },
  },
  completeOidcLogin: {
    as: 'nobody',
    needs: ['loginIssuer'],
    before: (world) => world.succeed('refreshIssuer', {}, world.owner),
    given: (world) => world.returnFromIssuer(),
    leaves: [
      entry(
        'platform',
        'user.create',
        answered('user'),
        { organizationId: uuid, issuerId: uuid },
        { actorId: answered('user'), privateDetails: { after: { email: text } } },
      ),
      entry(
        'organization',
        'user.login',
        answered('user'),
        { method: 'oidc', issuerId: uuid, sessionId: uuid, after: { role: 'developer' } },
        { actorId: answered('user'), privateDetails: { subject: text } },
      ),
    ],
    apart: { oidc_logins: 'a state is good once, whatever comes of it' },
  },
  'completeOidcLogin with another role': {
    as: 'nobody',
    needs: ['loginIssuer'],
    before: async (world) => {
      await world.succeed('refreshIssuer', {}, world.owner);
      await world.loginThroughIssuer();
      const { id, version } = world.made('issuer');
      const roleMappings = [{ value: 'engineers', role: 'agent' }];
      await world.succeed('updateIssuer', { id, version, roleMappings }, world.owner);
    },
    given: (world) => world.returnFromIssuer(),
    leaves: [
      entry(
        'organization',
        'user.login',
        answered('user'),
        { method: 'oidc', ...from('role', 'developer', 'agent') },
        { actorId: answered('user') },
      ),
    ],
    apart: { oidc_logins: 'a state is good once, whatever comes of it' },
  },
  createIssuer: {
    as: 'owner',
    given: () => ({ clientId: 'gateway', clientSecret: 'a secret of the client' }),
    leaves: [
      entry('organization', 'issuer.create', answered('issuer'), {
        after: { name: text, issuerUrl: text, clientSecret: redacted, enabled: true },
      }),
    ],
  },
  updateIssuer: {
    as: 'owner',
    needs: ['issuer'],
    given: () => ({ scopeMode: 'ROLE' }),
    leaves: [
      entry('organization', 'issuer.update', made('issuer'), from('scopeMode', 'required', 'role')),
    ],
  },
  deleteIssuer: {
    as: 'owner',
    needs: ['issuer'],
    leaves: [
      entry('organization', 'issuer.delete', made('issuer'), {
        before: { name: text, issuerUrl: text },
      }),
    ],
  },
  approveTool: {
    as: 'owner',
    needs: ['server'],
    before: (world) => world.offerTool('echo'),
    given: () => ({ tool: 'echo', hash: 'cd'.repeat(32) }),
    leaves: [
      entry('organization', 'tool.approve', answered('tool'), {
        ...{ serverId: uuid, tool: 'echo' },
        after: { definitionSha256: text, annotations: expect.any(Object) },
      }),
    ],
  },
  approveServerTools: {
    as: 'owner',
    needs: ['server'],
    before: (world) => world.offerTool('echo'),
    leaves: [
      entry('organization', 'server.approve_tools', made('server'), {
        tools: [{ tool: 'echo', before: null, after: text }],
      }),
    ],
  },
  revokeToolApproval: {
    as: 'owner',
    needs: ['server'],
    before: async (world) => {
      const hash = await world.offerTool('echo');
      await world.succeed('approveTool', { tool: 'echo', hash }, world.owner);
    },
    given: () => ({ tool: 'echo' }),
    leaves: [
      entry('organization', 'tool.revoke', answered('tool'), {
        ...{ serverId: uuid, tool: 'echo' },
        before: { definitionSha256: text, annotations: expect.any(Object) },
      }),
    ],
  },
  refreshServerDefinitions: {
    as: 'owner',
    needs: ['server'],
    leaves: [entry('organization', 'server.refresh_definitions', made('server'), {})],
  },
  refreshIssuer: {
    as: 'owner',
    needs: ['loginIssuer'],
    leaves: [
      entry(
        'organization',
        'issuer.keys_update',
        made('issuer'),
        {
          changed: ['keyIds', 'keySetSha256'],
          before: { keyIds: [] },
          after: { keyIds: [text] },
        },
        { actorId: () => 'platform' },
      ),
      entry('organization', 'issuer.refresh', made('issuer'), { result: 'changed' }),
    ],
    apart: { issuers: 'when it was asked last, and with what result, is noted first' },
  },
  'refreshIssuer at once again': {
    as: 'owner',
    needs: ['loginIssuer'],
    before: (world) => world.succeed('refreshIssuer', {}, world.owner),
    leaves: [entry('organization', 'issuer.refresh', made('issuer'), { result: 'asked_just_now' })],
  },
  createNodeGroup: {
    as: 'operator',
    leaves: [
      entry('platform', 'node_group.create', answered('nodeGroup'), {
        after: { name: text, servesAllOrganizations: false, organizationIds: [] },
      }),
    ],
  },
  updateNodeGroup: {
    as: 'operator',
    needs: ['nodeGroup'],
    given: (world) => ({ organizationIds: [world.tenant.organizationId] }),
    leaves: [
      entry(
        'platform',
        'node_group.update',
        made('nodeGroup'),
        from('organizationIds', [], [uuid]),
      ),
    ],
  },
  deleteNodeGroup: {
    as: 'operator',
    needs: ['nodeGroup'],
    leaves: [entry('platform', 'node_group.delete', made('nodeGroup'), { before: { name: text } })],
  },
  createNodeToken: {
    as: 'operator',
    needs: ['nodeGroup'],
    leaves: [
      entry('platform', 'node_token.create', answered('nodeToken'), {
        after: { name: text, nodeGroupId: uuid },
        tokenId: text,
      }),
    ],
  },
  updateNodeToken: {
    as: 'operator',
    needs: ['nodeGroup', 'nodeToken'],
    given: () => ({ expiresAt: new Date(Date.now() + 3_600_000).toISOString() }),
    leaves: [
      entry('platform', 'node_token.update', made('nodeToken'), from('expiresAt', null, time)),
    ],
  },
  revokeNodeToken: {
    as: 'operator',
    needs: ['nodeGroup', 'nodeToken'],
    leaves: [
      entry('platform', 'node_token.revoke', made('nodeToken'), from('revokedAt', null, time)),
    ],
  },
  deleteNodeToken: {
    as: 'operator',
    needs: ['nodeGroup', 'nodeToken'],
    leaves: [
      entry('platform', 'node_token.delete', made('nodeToken'), {
        before: { name: text, nodeGroupId: uuid },
      }),
    ],
  },
  rotateSealKeys: {
    as: 'operator',
    needs: ['nodeGroup'],
    leaves: [
      entry('platform', 'seal_key.publish', made('nodeGroup'), from('published', [], [text]), {
        target: ['node_group', made('nodeGroup')],
      }),
    ],
  },
  'rotateSealKeys while one is under way': {
    as: 'operator',
    needs: ['nodeGroup'],
    before: (world) =>
      world.succeed('rotateSealKeys', { nodeGroupId: world.made('nodeGroup').id }, world.operator),
    leaves: [
      entry(
        'platform',
        'seal_key.rotate',
        made('nodeGroup'),
        { changed: [], keyIds: [text] },
        { target: ['node_group', made('nodeGroup')] },
      ),
    ],
  },
  rotateSigningKey: {
    as: 'operator',
    leaves: [
      entry(
        'platform',
        'signing_key.publish',
        answered('signingKey', 'kid'),
        from('published', [], [text]),
      ),
    ],
  },
  'rotateSigningKey while one is under way': {
    as: 'operator',
    before: (world) => world.succeed('rotateSigningKey', {}, world.operator),
    leaves: [
      entry('platform', 'signing_key.rotate', answered('signingKey', 'kid'), {
        changed: [],
        keyIds: [text],
      }),
    ],
  },
};
