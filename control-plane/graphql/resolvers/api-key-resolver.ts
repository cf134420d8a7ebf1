import { Arg, Ctx, ID, Mutation, Query, Resolver } from 'type-graphql';
import {
  createApiKey,
  deleteApiKey,
  findApiKey,
  revokeApiKey,
  rotateApiKey,
  updateApiKey,
} from '../../identity/api-keys.ts';
import type { ApiKey } from '../../store/entities/api-key.ts';
import { type GraphqlContext, granterIn } from '../context.ts';
import { DeleteInOrganizationInput, DeletePayload } from '../types/delete-input.ts';
import {
  ApiKeyPayload,
  ApiKeyType,
  CreateApiKeyInput,
  CreateApiKeyPayload,
  RotateApiKeyInput,
  UpdateApiKeyInput,
} from '../types/identity.ts';
import { payload } from '../types/user-error.ts';

/** A key's record as it is shown: without its hash. */
export function apiKeyView(row: ApiKey): ApiKeyType {
  const { id, organizationId, keyId, label, scopes, expiresAt, revokedAt, replacedBy } = row;
  const { lastUsedAt, createdBy, createdAt, version, serviceAccountId } = row;
  return {
    ...{ id, organizationId, keyId, label, scopes, expiresAt, revokedAt, replacedBy },
    ...{ lastUsedAt, createdBy, createdAt, version, serviceAccountId },
    userId: row.subjectUserId,
    subject:
      row.subjectUserId === null ? `service:${serviceAccountId}` : `user:${row.subjectUserId}`,
  };
}

@Resolver()
export class ApiKeyResolver {
  @Query(() => ApiKeyType, { nullable: true, description: 'An API key’s record, or null.' })
  async apiKey(
    @Ctx() context: GraphqlContext,
    @Arg('organizationId', () => ID, { description: 'The organization.' }) organizationId: string,
    @Arg('id', () => ID, { description: 'The key’s record.' }) id: string,
  ) {
    const row = await findApiKey(context.services.store, organizationId, id);
    return row === null ? null : apiKeyView(row);
  }

  @Mutation(() => CreateApiKeyPayload, {
    description: 'Creates an API key, which is shown this once.',
  })
  async createApiKey(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => CreateApiKeyInput, { description: 'The key.' }) input: CreateApiKeyInput,
  ) {
    const { store, now } = context.services;
    const granter = await granterIn(context, input.organizationId);
    const outcome = await createApiKey(store, granter, input, now());
    return payload(outcome, ({ apiKey, key }) => ({ apiKey: apiKeyView(apiKey), key }));
  }

  @Mutation(() => ApiKeyPayload, {
    description: 'Changes an API key’s record.',
  })
  async updateApiKey(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => UpdateApiKeyInput, { description: 'The changes.' })
    input: UpdateApiKeyInput,
  ) {
    const { store, now } = context.services;
    const granter = await granterIn(context, input.organizationId);
    const outcome = await updateApiKey(store, granter, input, now());
    return payload(outcome, (apiKey) => ({ apiKey: apiKeyView(apiKey) }));
  }

  @Mutation(() => CreateApiKeyPayload, {
    description:
      'Replaces an API key by a new one, which is shown this once; the old one ends after the overlap. Sessions go on.',
  })
  async rotateApiKey(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => RotateApiKeyInput, { description: 'The key, and the overlap.' })
    input: RotateApiKeyInput,
  ) {
    const { store, now } = context.services;
    const granter = await granterIn(context, input.organizationId);
    const outcome = await rotateApiKey(store, granter, input, now());
    return payload(outcome, ({ apiKey, key }) => ({ apiKey: apiKeyView(apiKey), key }));
  }

  @Mutation(() => ApiKeyPayload, {
    description: 'Ends an API key at once and for good; its record stays.',
  })
  async revokeApiKey(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => DeleteInOrganizationInput, { description: 'The key.' })
    input: DeleteInOrganizationInput,
  ) {
    const { store, now } = context.services;
    const granter = await granterIn(context, input.organizationId);
    const outcome = await revokeApiKey(store, granter, input, now());
    return payload(outcome, (apiKey) => ({ apiKey: apiKeyView(apiKey) }));
  }

  @Mutation(() => DeletePayload, {
    description: 'Ends an API key at once and removes its record; request logs keep its public id.',
  })
  async deleteApiKey(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => DeleteInOrganizationInput, { description: 'The key.' })
    input: DeleteInOrganizationInput,
  ) {
    const granter = await granterIn(context, input.organizationId);
    const outcome = await deleteApiKey(context.services.store, granter, input);
    return payload(outcome, ({ id }) => ({ deletedId: id }));
  }
}
