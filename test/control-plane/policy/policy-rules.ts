import type {
  KnownServer,
  PolicyRules,
  ValidationContext,
} from '../../../control-plane/policy/validation/validation-context.ts';

/** A policy that denies every call, but for what is given. */
export function policyRules(given: Partial<PolicyRules> = {}): PolicyRules {
  return {
    effect: 'deny',
    servers: [],
    methods: [],
    tools: [],
    resources: [],
    prompts: [],
    roles: [],
    subjects: [],
    apiKeys: [],
    condition: '',
    ...given,
  };
}

const writeFile = {
  type: 'object',
  properties: {
    path: { type: 'string' },
    content: { type: 'string' },
    mode: { type: 'string', enum: ['create', 'append'] },
    lines: { type: 'integer' },
    ratio: { type: 'number' },
    dryRun: { type: 'boolean' },
    tags: { type: 'array', items: { type: 'string' } },
    options: {
      type: 'object',
      properties: { force: { type: 'boolean' } },
      additionalProperties: false,
    },
  },
  required: ['path', 'content'],
  additionalProperties: false,
};
const readFile = {
  type: 'object',
  properties: { path: { type: 'string' }, head: { type: 'integer' } },
  required: ['path'],
};

const filesServer: KnownServer = {
  slug: 'files',
  tools: new Map<string, unknown>([
    ['write_file', writeFile],
    ['read_file', readFile],
    ['ping', undefined],
  ]),
  prompts: new Set(['summarize']),
  resources: new Set(['file:///srv/readme.md']),
  hasResourceTemplates: false,
};
const neverAsked: KnownServer = {
  slug: 'new-server',
  tools: undefined,
  prompts: undefined,
  resources: undefined,
  hasResourceTemplates: false,
};

/** An organization with a server that is known and one that was never asked what it offers. */
export const validationContext: ValidationContext = {
  servers: [filesServer, neverAsked],
  roles: new Set(['owner', 'admin', 'developer', 'auditor', 'agent']),
  subjects: new Set(['user:1', 'service:2']),
  apiKeys: new Set(['key1']),
  policyHeaders: new Set(['x-team']),
};
