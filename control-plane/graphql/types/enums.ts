import { registerEnumType } from 'type-graphql';
import {
  organizationPermissions,
  type OrganizationPermission as PermissionName,
} from '../../identity/roles.ts';

export const OrganizationRole = {
  OWNER: 'owner',
  ADMIN: 'admin',
  DEVELOPER: 'developer',
  AUDITOR: 'auditor',
  AGENT: 'agent',
} as const;

registerEnumType(OrganizationRole, {
  name: 'OrganizationRole',
  description: 'What a member or a service account may do in an organization.',
  valuesConfig: {
    OWNER: { description: 'Everything, also deleting the organization and making owners.' },
    ADMIN: { description: 'Everything but deleting the organization and making owners.' },
    DEVELOPER: { description: 'Manages servers and API keys and reads request logs.' },
    AUDITOR: { description: 'Reads everything, the audit trail included, and changes nothing.' },
    AGENT: {
      description: 'Calls MCP servers through the proxy; sees only the organization’s name here.',
    },
  },
});

const permissionDescriptions: Readonly<Record<PermissionName, string>> = {
  'organization.read': 'See the organization and its settings.',
  'organization.update': 'Change the organization’s settings.',
  'organization.delete': 'Delete the organization.',
  'members.read': 'See its members and invitations.',
  'members.write': 'Invite, change and remove members; make keys for them.',
  'roles.read': 'See its custom roles.',
  'roles.write': 'Make, change and delete custom roles.',
  'serviceAccounts.read': 'See its service accounts.',
  'serviceAccounts.write': 'Make, change, disable and delete service accounts.',
  'apiKeys.read': 'See the records of its API keys.',
  'apiKeys.write': 'Make, change, rotate, revoke and delete API keys.',
  'issuers.read': 'See the issuers whose tokens count.',
  'issuers.write': 'Change which issuers’ tokens count, and what they give.',
  'revocations.read': 'See what was revoked.',
  'revocations.write': 'Revoke access tokens.',
  'servers.call': 'Call its servers through the proxy.',
  'servers.read': 'See its servers.',
  'servers.write': 'Make, change and delete servers.',
  'tools.read': 'See what its servers offer, and which tool definitions are approved.',
  'tools.write': 'Approve tool definitions, and take approval back.',
  'policies.read': 'See its policies, explain decisions and try drafts on recorded calls.',
  'policies.write': 'Make, change, order and delete policies.',
  'requestLogs.read': 'See the records of calls.',
  'audit.read': 'See the audit trail.',
};

/** `servers.read` is SERVERS_READ: names of GraphQL hold no dots. */
function permissionName(permission: PermissionName): string {
  return permission.replaceAll(/[A-Z]/g, '_$&').replaceAll('.', '_').toUpperCase();
}

export const OrganizationPermission = Object.fromEntries(
  organizationPermissions.map((permission) => [permissionName(permission), permission]),
);

registerEnumType(OrganizationPermission, {
  name: 'OrganizationPermission',
  description: 'One thing that a role may allow in an organization.',
  valuesConfig: Object.fromEntries(
    organizationPermissions.map((permission) => [
      permissionName(permission),
      { description: permissionDescriptions[permission] },
    ]),
  ),
});

export const McpTransport = { STREAMABLE_HTTP: 'streamable-http', HTTP_SSE: 'http-sse' } as const;

registerEnumType(McpTransport, {
  name: 'McpTransport',
  description: 'How the gateway speaks to a server.',
  valuesConfig: {
    STREAMABLE_HTTP: { description: 'Streamable HTTP, since revision 2025-03-26 of the protocol.' },
    HTTP_SSE: { description: 'HTTP with SSE, revision 2024-11-05 of the protocol.' },
  },
});

export const McpEra = { LEGACY: 'legacy', MODERN: 'modern', DUAL: 'dual' } as const;

registerEnumType(McpEra, {
  name: 'McpEra',
  description: 'Which family of protocol revisions a server speaks.',
  valuesConfig: {
    LEGACY: { description: 'Revisions up to 2025-11-25: `initialize` and sessions.' },
    MODERN: { description: 'Revision 2026-07-28 and later: stateless requests.' },
    DUAL: { description: 'Both on one endpoint.' },
  },
});

export const CallDecision = { ALLOWED: 'allowed', REFUSED: 'refused', FAILED: 'failed' } as const;

registerEnumType(CallDecision, {
  name: 'CallDecision',
  description: 'What became of a call.',
  valuesConfig: {
    ALLOWED: { description: 'It was forwarded and the server’s answer was relayed.' },
    REFUSED: { description: 'The gateway refused it; `reason` says why.' },
    FAILED: { description: 'It was allowed, but no usable answer came from the server.' },
  },
});

export const CallPhase = { COMPLETE: 'complete', START: 'start', END: 'end' } as const;

registerEnumType(CallPhase, {
  name: 'CallPhase',
  description: 'Which part of a call an entry records.',
  valuesConfig: {
    COMPLETE: { description: 'The whole call.' },
    START: { description: 'A long stream began; an entry with the same `callId` records its end.' },
    END: { description: 'A long stream ended.' },
  },
});

export const ShadowOutcome = {
  WOULD_DENY: 'would_deny',
  WOULD_ALLOW: 'would_allow',
  WOULD_FAIL: 'would_fail',
} as const;

registerEnumType(ShadowOutcome, {
  name: 'ShadowOutcome',
  description: 'What a policy in shadow mode would have decided otherwise, were it enforced.',
  valuesConfig: {
    WOULD_DENY: { description: 'It would have denied the call.' },
    WOULD_ALLOW: { description: 'It would have allowed the call, which was denied.' },
    WOULD_FAIL: {
      description: 'Its condition can’t be evaluated on the call: it would have denied it.',
    },
  },
});

export const CallCredentialKind = { API_KEY: 'api_key', ACCESS_TOKEN: 'access_token' } as const;

registerEnumType(CallCredentialKind, {
  name: 'CallCredentialKind',
  description: 'What a caller was known by.',
  valuesConfig: {
    API_KEY: { description: 'An API key.' },
    ACCESS_TOKEN: { description: 'An OAuth access token.' },
  },
});

export const ArgumentState = {
  NONE: 'none',
  OFF: 'off',
  REDACTED: 'redacted',
  FULL: 'full',
  TOO_LARGE: 'too_large',
} as const;

registerEnumType(ArgumentState, {
  name: 'ArgumentState',
  description: 'What the record of a call holds of its arguments.',
  valuesConfig: {
    NONE: { description: 'The method has none.' },
    OFF: { description: 'Nothing: the organization’s setting keeps none.' },
    REDACTED: { description: 'The arguments with secrets replaced.' },
    FULL: { description: 'The arguments as they were sent.' },
    TOO_LARGE: { description: 'Nothing: they are longer than the organization’s setting allows.' },
  },
});

export const ActorKind = { USER: 'user', SERVICE: 'service', SYSTEM: 'system' } as const;

registerEnumType(ActorKind, {
  name: 'ActorKind',
  description: 'What kind of party did something.',
  valuesConfig: {
    USER: { description: 'A person.' },
    SERVICE: { description: 'A service account.' },
    SYSTEM: { description: 'The platform itself, such as at its first start.' },
  },
});

export const PlatformRole = { OPERATOR: 'operator' } as const;

registerEnumType(PlatformRole, {
  name: 'PlatformRole',
  description: 'What a person may do on the platform as a whole.',
  valuesConfig: {
    OPERATOR: {
      description:
        'Runs the platform: organizations, users, node groups, nodes. Not the content of organizations.',
    },
  },
});

export const ServerChangeKind = { SAVED: 'saved', DELETED: 'deleted' } as const;

registerEnumType(ServerChangeKind, {
  name: 'ServerChangeKind',
  description: 'What happened to a server.',
  valuesConfig: {
    SAVED: { description: 'It was created or changed; `server` holds it as it is now.' },
    DELETED: { description: 'It was deleted; `server` is null.' },
  },
});
