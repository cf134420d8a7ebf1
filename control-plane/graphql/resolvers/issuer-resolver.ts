import { Arg, Args, Ctx, FieldResolver, ID, Mutation, Query, Resolver, Root } from 'type-graphql';
import {
  createIssuer,
  deleteIssuer,
  findIssuer,
  type IssuerChanges,
  listIssuers,
  type NewIssuer,
  refreshIssuerNow,
  updateIssuer,
} from '../../identity/issuers/issuers.ts';
import { oldestFirst } from '../../input/find-page.ts';
import type { Issuer } from '../../store/entities/issuer.ts';
import type { Organization } from '../../store/entities/organization.ts';
import { type GraphqlContext, granterIn } from '../context.ts';
import { connection, PageArgs } from '../types/connection.ts';
import { DeleteInOrganizationInput, DeletePayload } from '../types/delete-input.ts';
import {
  CreateIssuerInput,
  IssuerConnection,
  type IssuerKeyType,
  IssuerPayload,
  IssuerType,
  RefreshIssuerInput,
  RefreshIssuerPayload,
  UpdateIssuerInput,
} from '../types/issuer.ts';
import { OrganizationType } from '../types/organization.ts';
import { payload } from '../types/user-error.ts';
import { idKey, pageOf } from './page-of.ts';

/** Asking an issuer may take as long as the issuer does: few of it fit into a request. */
const fetchCost = 2000;

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** Of an issuer what may be shown: never its secret. */
function issuerView(issuer: Issuer): IssuerType {
  const { jwks, clientSecretCiphertext: secret } = issuer;
  return {
    ...issuer,
    roleMappings: [...issuer.roleMappings],
    hasClientSecret: secret !== null,
    keys: (jwks?.keys ?? []).map(
      ({ kid, kty, alg }): IssuerKeyType => ({
        keyId: textOf(kid),
        keyType: textOf(kty) ?? '',
        algorithm: textOf(alg),
      }),
    ),
  };
}

@Resolver()
export class IssuerResolver {
  @Query(() => IssuerType, { nullable: true, description: 'An issuer, or null.' })
  async issuer(
    @Ctx() context: GraphqlContext,
    @Arg('organizationId', () => ID, { description: 'The organization.' }) organizationId: string,
    @Arg('id', () => ID, { description: 'The issuer.' }) id: string,
  ) {
    const issuer = await findIssuer(context.services.store, organizationId, id);
    return issuer && issuerView(issuer);
  }

  @Mutation(() => IssuerPayload, {
    description:
      'Makes the organization trust an issuer. Its keys are fetched within seconds; until then its tokens are refused.',
  })
  async createIssuer(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => CreateIssuerInput, { description: 'The issuer.' })
    input: CreateIssuerInput,
  ) {
    const granter = await granterIn(context, input.organizationId);
    const { clientId, defaultRole, ...rest } = input;
    const fields = { ...rest, clientId: clientId ?? null, defaultRole: defaultRole ?? null };
    const outcome = await createIssuer(context.services.issuers, granter, fields as NewIssuer);
    return payload(outcome, ({ issuer, revision }) => ({ issuer: issuerView(issuer), revision }));
  }

  @Mutation(() => IssuerPayload, { description: 'Changes an issuer.' })
  async updateIssuer(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => UpdateIssuerInput, { description: 'The changes.' })
    input: UpdateIssuerInput,
  ) {
    const granter = await granterIn(context, input.organizationId);
    const changes = input as IssuerChanges;
    const outcome = await updateIssuer(context.services.issuers, granter, changes);
    return payload(outcome, ({ issuer, revision }) => ({ issuer: issuerView(issuer), revision }));
  }

  @Mutation(() => DeletePayload, {
    description:
      'Ends the trust in an issuer: its tokens are refused and its log-ins end. Members who came through it have to be removed first (`IN_USE`); to disable it ends the trust at once.',
  })
  async deleteIssuer(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => DeleteInOrganizationInput, { description: 'The issuer.' })
    input: DeleteInOrganizationInput,
  ) {
    const granter = await granterIn(context, input.organizationId);
    const outcome = await deleteIssuer(context.services.issuers, granter, input);
    return payload(outcome, ({ issuer }) => ({ deletedId: issuer.id }));
  }

  @Mutation(() => RefreshIssuerPayload, {
    complexity: fetchCost,
    description:
      'Fetches an issuer’s metadata and keys now instead of at `nextFetchAt`. Asked again within two seconds, it answers with what is known.',
  })
  async refreshIssuer(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => RefreshIssuerInput, { description: 'The issuer.' })
    input: RefreshIssuerInput,
  ) {
    const { actor } = await context.principal();
    const outcome = await refreshIssuerNow(context.services.issuers, actor, input);
    return payload(outcome, (issuer) => ({ issuer: issuerView(issuer) }));
  }
}

@Resolver(() => OrganizationType)
export class OrganizationIssuersResolver {
  @FieldResolver(() => IssuerConnection, { description: 'Issuers that the organization trusts.' })
  async issuers(
    @Ctx() context: GraphqlContext,
    @Root() organization: Organization,
    @Args(() => PageArgs) page: PageArgs,
  ) {
    const request = pageOf(context, page, oldestFirst);
    const found = await listIssuers(context.services.store, organization.id, request);
    return connection({ ...found, items: found.items.map(issuerView) }, idKey);
  }
}
