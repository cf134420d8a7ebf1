import type { PolicyDefinition } from '../../control-plane/store/entities/policy-revision.ts';

/** An enforced policy that denies every call, except as given. */
export function policyFields(fields: Partial<PolicyDefinition> = {}): PolicyDefinition {
  return {
    name: 'no-calls',
    description: '',
    effect: 'deny',
    mode: 'enforce',
    enabled: true,
    message: '',
    servers: [],
    methods: [],
    tools: [],
    resources: [],
    prompts: [],
    roles: [],
    subjects: [],
    apiKeys: [],
    condition: '',
    ...fields,
  };
}
