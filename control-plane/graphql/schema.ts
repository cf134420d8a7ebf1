import 'reflect-metadata';
import { createPubSub } from '@graphql-yoga/subscription';
import { GraphQLError, type GraphQLSchema, lexicographicSortSchema, printSchema } from 'graphql';
import { buildSchemaSync } from 'type-graphql';
import { guardSchema } from './authorize/guard-schema.ts';
import { ApiKeyResolver } from './resolvers/api-key-resolver.ts';
import { AuditResolver } from './resolvers/audit-resolver.ts';
import { CustomRoleResolver } from './resolvers/custom-role-resolver.ts';
import {
  DefinitionResolver,
  OrganizationDefinitionsResolver,
} from './resolvers/definition-resolver.ts';
import { IdentityResolver } from './resolvers/identity-resolver.ts';
import {
  InvitationResolver,
  OrganizationInvitationsResolver,
} from './resolvers/invitation-resolver.ts';
import { IssuerResolver, OrganizationIssuersResolver } from './resolvers/issuer-resolver.ts';
import { KeyResolver } from './resolvers/key-resolver.ts';
import { NodeResolver } from './resolvers/node-resolver.ts';
import { OidcLoginResolver } from './resolvers/oidc-login-resolver.ts';
import { OrganizationResolver } from './resolvers/organization-resolver.ts';
import { PasswordResolver } from './resolvers/password-resolver.ts';
import {
  OrganizationShadowResolver,
  PolicyDecisionResolver,
  PolicyShadowResolver,
} from './resolvers/policy-decision-resolver.ts';
import {
  PolicyExpectationResolver,
  PolicyExpectationsResolver,
} from './resolvers/policy-expectation-resolver.ts';
import { PolicyHistoryResolver } from './resolvers/policy-history-resolver.ts';
import { OrganizationPoliciesResolver, PolicyResolver } from './resolvers/policy-resolver.ts';
import { PolicyValidationResolver } from './resolvers/policy-validation-resolver.ts';
import { ProxyTokenResolver } from './resolvers/proxy-token-resolver.ts';
import {
  OrganizationRevocationsResolver,
  RevocationResolver,
} from './resolvers/revocation-resolver.ts';
import { ServerResolver } from './resolvers/server-resolver.ts';
import { ServiceAccountResolver } from './resolvers/service-account-resolver.ts';
import { SessionResolver } from './resolvers/session-resolver.ts';
import { SubscriptionResolver } from './resolvers/subscription-resolver.ts';

/** The schema with the table of permissions in front of it. @throws {GraphQLError} when it is not valid. */
export function buildGraphqlSchema(): GraphQLSchema {
  const schema = buildSchemaSync({
    resolvers: [
      IdentityResolver,
      SessionResolver,
      PasswordResolver,
      InvitationResolver,
      OrganizationInvitationsResolver,
      ProxyTokenResolver,
      OrganizationResolver,
      CustomRoleResolver,
      ServiceAccountResolver,
      ApiKeyResolver,
      ServerResolver,
      DefinitionResolver,
      OrganizationDefinitionsResolver,
      IssuerResolver,
      OidcLoginResolver,
      OrganizationIssuersResolver,
      PolicyResolver,
      PolicyHistoryResolver,
      PolicyValidationResolver,
      PolicyDecisionResolver,
      PolicyShadowResolver,
      OrganizationShadowResolver,
      PolicyExpectationResolver,
      PolicyExpectationsResolver,
      OrganizationPoliciesResolver,
      RevocationResolver,
      OrganizationRevocationsResolver,
      NodeResolver,
      KeyResolver,
      SubscriptionResolver,
      AuditResolver,
    ],
    // The library asks for it; subscriptions here read the database themselves, so that they are right with
    // any number of replicas.
    pubSub: createPubSub(),
    // Services check values and answer with `userErrors`; a second check would answer otherwise.
    validate: false,
  });
  if (schema.getQueryType() === undefined) throw new GraphQLError('The schema has no queries.');
  return guardSchema(schema);
}

/** The text of `schema.graphql`: sorted, so that it changes only when the interface does. */
export function emitSchema(): string {
  return `${printSchema(lexicographicSortSchema(buildGraphqlSchema()))}\n`;
}
