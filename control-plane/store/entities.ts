import { ApiKey } from './entities/api-key.ts';
import { AuditChain } from './entities/audit-chain.ts';
import { AuditLog } from './entities/audit-log.ts';
import { ConfigChange } from './entities/config-change.ts';
import { CustomRole } from './entities/custom-role.ts';
import { EventGap } from './entities/event-gap.ts';
import { EventReject } from './entities/event-reject.ts';
import { EventWatermark } from './entities/event-watermark.ts';
import { Issuer } from './entities/issuer.ts';
import { McpEndpoint } from './entities/mcp-endpoint.ts';
import { McpServer } from './entities/mcp-server.ts';
import { Membership } from './entities/membership.ts';
import { Node } from './entities/node.ts';
import { NodeGroup } from './entities/node-group.ts';
import { NodeGroupOrganization } from './entities/node-group-organization.ts';
import { NodeToken } from './entities/node-token.ts';
import { OidcLogin } from './entities/oidc-login.ts';
import { OneTimeToken } from './entities/one-time-token.ts';
import { Organization } from './entities/organization.ts';
import { PlatformState } from './entities/platform-state.ts';
import { Policy } from './entities/policy.ts';
import { PolicyExpectation } from './entities/policy-expectation.ts';
import { PolicyRevision } from './entities/policy-revision.ts';
import { RefreshToken } from './entities/refresh-token.ts';
import { RequestLog } from './entities/request-log.ts';
import { RequestRefusal } from './entities/request-refusal.ts';
import { RevisionRollout } from './entities/revision-rollout.ts';
import { Revocation } from './entities/revocation.ts';
import { SealKey } from './entities/seal-key.ts';
import { ServiceAccount } from './entities/service-account.ts';
import { Session } from './entities/session.ts';
import { SessionProxyToken } from './entities/session-proxy-token.ts';
import { SigningKey } from './entities/signing-key.ts';
import { UpstreamSecret } from './entities/upstream-secret.ts';
import { User } from './entities/user.ts';
import { UserIdentity } from './entities/user-identity.ts';

/** Every entity, parents before what refers to them. */
export const entities = [
  PlatformState,
  Organization,
  User,
  CustomRole,
  Membership,
  ServiceAccount,
  ApiKey,
  Revocation,
  Session,
  RefreshToken,
  SessionProxyToken,
  OneTimeToken,
  SigningKey,
  Issuer,
  UserIdentity,
  OidcLogin,
  McpServer,
  McpEndpoint,
  UpstreamSecret,
  Policy,
  PolicyRevision,
  PolicyExpectation,
  AuditChain,
  AuditLog,
  ConfigChange,
  NodeGroup,
  NodeGroupOrganization,
  SealKey,
  NodeToken,
  Node,
  RevisionRollout,
  RequestLog,
  RequestRefusal,
  EventWatermark,
  EventReject,
  EventGap,
];
