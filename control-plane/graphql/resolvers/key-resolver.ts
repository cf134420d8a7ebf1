import { Arg, Ctx, Mutation, Query, Resolver } from 'type-graphql';
import { listSigningKeys, rotateSigningKey } from '../../identity/signing-key-rotation.ts';
import { findNodeGroup } from '../../registry/node-groups.ts';
import { rotateSealKeys } from '../../registry/seal-keys.ts';
import type { GraphqlContext } from '../context.ts';
import { RotateSealKeysInput, SigningKeyPayload, SigningKeyType } from '../types/keys.ts';
import { NodeGroupPayload } from '../types/node-group.ts';
import { payload } from '../types/user-error.ts';

@Resolver()
export class KeyResolver {
  @Query(() => [SigningKeyType], {
    description: 'The keys that sign access tokens, oldest first. For platform operators.',
  })
  async signingKeys(@Ctx() context: GraphqlContext) {
    return listSigningKeys(context.services.store);
  }

  @Mutation(() => NodeGroupPayload, {
    description:
      'Begins to replace the key that a node group seals sessions with. The new key becomes the primary once it is published for long enough and every connected node has it; no session ends. A rotation that is under way goes on. For platform operators.',
  })
  async rotateSealKeys(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => RotateSealKeysInput, { description: 'The node group.' })
    input: RotateSealKeysInput,
  ) {
    const { registry, store, now } = context.services;
    const { actor } = await context.principal();
    const outcome = await rotateSealKeys(registry, actor, input, now());
    const nodeGroup = outcome.ok ? await findNodeGroup(store, input.nodeGroupId) : null;
    return payload(outcome, () => ({ nodeGroup }));
  }

  @Mutation(() => SigningKeyPayload, {
    description:
      'Begins to replace the key that signs access tokens. The new key signs once it is published for long enough and every connected node has it; tokens that the old one signed stay good. A rotation that is under way goes on. For platform operators.',
  })
  async rotateSigningKey(@Ctx() context: GraphqlContext) {
    const { registry, now } = context.services;
    const { actor } = await context.principal();
    const outcome = await rotateSigningKey(registry, actor, now());
    return payload(outcome, (signingKey) => ({ signingKey }));
  }
}
