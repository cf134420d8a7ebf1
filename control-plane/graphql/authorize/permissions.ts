import type { OrganizationPermission } from '../../identity/roles.ts';

/** What a caller needs for a field. */
export type Permission =
  /** Nothing: who logs in has no token yet. */
  | 'public'
  /** A valid access token; what is visible follows from the caller. */
  | 'authenticated'
  /** The role of a platform operator. */
  | 'operator'
  /** A permission in the organization that the field is about. */
  | OrganizationPermission;

/**
 * Every field that reads or changes something, and what it needs. A field that is not listed is denied:
 * the server does not start with a root field or a guarded type's field that has no row here.
 */
export const permissions: Readonly<Record<string, Permission>> = {
  'Query.viewer': 'authenticated',
  'Query.organization': 'authenticated',
  'Query.organizations': 'authenticated',
  'Query.server': 'servers.read',
  'Query.apiKey': 'apiKeys.read',
  'Query.customRole': 'roles.read',
  'Query.serviceAccount': 'serviceAccounts.read',
  'Query.sessions': 'authenticated',
  'Query.userSessions': 'operator',
  'Query.issuer': 'issuers.read',
  'Query.loginIssuers': 'public',
  'Query.user': 'operator',
  'Query.users': 'operator',
  'Query.nodeGroup': 'operator',
  'Query.nodeGroups': 'operator',
  'Query.nodeTokens': 'operator',
  'Query.node': 'operator',
  'Query.nodes': 'operator',
  'Query.rollout': 'operator',
  'Query.signingKeys': 'operator',
  'Query.platformAuditEntries': 'operator',

  'Organization.id': 'authenticated',
  'Organization.slug': 'authenticated',
  'Organization.name': 'authenticated',
  'Organization.enabled': 'authenticated',
  'Organization.mustAudit': 'authenticated',
  'Organization.allowedOrigins': 'authenticated',
  'Organization.staleAfterSeconds': 'authenticated',
  'Organization.createdAt': 'authenticated',
  'Organization.updatedAt': 'authenticated',
  'Organization.version': 'authenticated',
  'Organization.members': 'members.read',
  'Organization.invitations': 'members.read',
  'Organization.apiKeys': 'apiKeys.read',
  'Organization.customRoles': 'roles.read',
  'Organization.serviceAccounts': 'serviceAccounts.read',
  'Organization.servers': 'servers.read',
  'Organization.issuers': 'issuers.read',
  'Organization.revocations': 'revocations.read',
  'Organization.requestLogs': 'requestLogs.read',
  'Organization.auditEntries': 'audit.read',

  'Mutation.login': 'public',
  'Mutation.refresh': 'public',
  'Mutation.logout': 'authenticated',
  'Mutation.endSession': 'authenticated',
  'Mutation.endOtherSessions': 'authenticated',
  'Mutation.endUserSessions': 'operator',
  'Mutation.changePassword': 'authenticated',
  'Mutation.requestPasswordReset': 'operator',
  'Mutation.requestMemberPasswordReset': 'members.write',
  'Mutation.resetPassword': 'public',
  'Mutation.inviteMember': 'members.write',
  'Mutation.revokeInvitation': 'members.write',
  'Mutation.acceptInvitation': 'public',
  'Mutation.issueProxyToken': 'servers.call',
  'Mutation.createOrganization': 'operator',
  'Mutation.updateOrganization': 'organization.update',
  'Mutation.deleteOrganization': 'organization.delete',
  'Mutation.createUser': 'operator',
  'Mutation.updateUser': 'operator',
  'Mutation.deleteUser': 'operator',
  'Mutation.addMember': 'operator',
  'Mutation.updateMember': 'members.write',
  'Mutation.removeMember': 'members.write',
  'Mutation.createCustomRole': 'roles.write',
  'Mutation.updateCustomRole': 'roles.write',
  'Mutation.deleteCustomRole': 'roles.write',
  'Mutation.createServiceAccount': 'serviceAccounts.write',
  'Mutation.updateServiceAccount': 'serviceAccounts.write',
  'Mutation.deleteServiceAccount': 'serviceAccounts.write',
  'Mutation.createApiKey': 'apiKeys.write',
  'Mutation.updateApiKey': 'apiKeys.write',
  'Mutation.rotateApiKey': 'apiKeys.write',
  'Mutation.revokeApiKey': 'apiKeys.write',
  'Mutation.deleteApiKey': 'apiKeys.write',
  'Mutation.revokeSubject': 'revocations.write',
  'Mutation.revokeToken': 'revocations.write',
  'Mutation.createServer': 'servers.write',
  'Mutation.updateServer': 'servers.write',
  'Mutation.deleteServer': 'servers.write',
  'Mutation.beginOidcLogin': 'public',
  'Mutation.completeOidcLogin': 'public',
  'Mutation.createIssuer': 'issuers.write',
  'Mutation.updateIssuer': 'issuers.write',
  'Mutation.deleteIssuer': 'issuers.write',
  'Mutation.refreshIssuer': 'issuers.write',
  'Mutation.createNodeGroup': 'operator',
  'Mutation.updateNodeGroup': 'operator',
  'Mutation.deleteNodeGroup': 'operator',
  'Mutation.createNodeToken': 'operator',
  'Mutation.updateNodeToken': 'operator',
  'Mutation.revokeNodeToken': 'operator',
  'Mutation.deleteNodeToken': 'operator',
  'Mutation.rotateSealKeys': 'operator',
  'Mutation.rotateSigningKey': 'operator',

  'Subscription.requestLogAdded': 'requestLogs.read',
  'Subscription.auditEntryAdded': 'audit.read',
  'Subscription.serverChanged': 'servers.read',
  'Subscription.nodeChanged': 'operator',
};

/** Types whose every field must have a row, besides the roots. */
export const guardedTypes: readonly string[] = ['Organization'];
