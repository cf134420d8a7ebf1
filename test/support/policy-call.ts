import type { Policy, PolicySubjects, PolicyTargets } from '../../common/policy/policy.ts';
import type { PolicyCall } from '../../common/policy/policy-call.ts';

/** An agent calls the tool `read` of the server `files`, except as given. */
export function policyCall(fields: Partial<PolicyCall> = {}): PolicyCall {
  return {
    principal: {
      subject: 'user:1',
      roles: ['agent'],
      scopes: ['mcp:*'],
      credentialId: 'keyAAAAAAAAA',
      credentialKind: 'api_key',
    },
    server: { id: 'server-1', slug: 'files', labels: new Map() },
    request: {
      method: 'tools/call',
      era: 'modern',
      client: { name: '', version: '' },
      address: '127.0.0.1',
      headers: new Map(),
    },
    target: { kind: 'tool', name: 'read' },
    pin: undefined,
    args: undefined,
    nowMs: 1,
    ...fields,
  };
}

/** An enforced policy that denies every call, except as given. */
export function testPolicy(
  name: string,
  fields: Partial<Omit<Policy, 'targets' | 'subjects'>> &
    Partial<PolicyTargets> &
    Partial<PolicySubjects> = {},
): Policy {
  const { servers = [], methods = [], tools = [], resources = [], prompts = [] } = fields;
  const { roles = [], subjects = [], apiKeys = [], ...others } = fields;
  return {
    id: name,
    organizationId: 'organization-acme',
    name,
    revision: 1,
    effect: 'deny',
    mode: 'enforce',
    position: 0,
    message: '',
    condition: '',
    ...others,
    targets: { servers, methods, tools, resources, prompts },
    subjects: { roles, subjects, apiKeys },
  };
}
