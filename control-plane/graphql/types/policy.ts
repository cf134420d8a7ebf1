import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { connectionType } from './connection.ts';
import { DeleteInOrganizationInput } from './delete-input.ts';
import { PolicyChangeKind, PolicyEffect, PolicyMode, PolicyPlace } from './policy-enums.ts';
import { PolicyFindingType } from './policy-finding.ts';
import { DateTime, SafeInt } from './scalars.ts';
import { payloadType } from './user-error.ts';

const text = {
  name: 'Slug, unique in the organization; shown to callers that the policy denies.',
  description: 'What it is for, for people; at most 4,000 characters.',
  effect: 'What it does with the calls that it is about.',
  mode: 'Whether it decides, or only records what it would decide.',
  enabled: 'Whether nodes know it at all.',
  message: 'One line said to callers that it denies; may be empty. At most 300 characters.',
  servers: 'Patterns of the slugs of servers, at most 200; empty: all.',
  methods: 'Patterns of JSON-RPC methods, such as `tools/call`, at most 200; empty: all.',
  tools:
    'Patterns of names of tools, at most 200. With `tools`, `resources` or `prompts` it is about these alone.',
  resources:
    'Patterns of URIs of resources, at most 200. `*` and `?` stop at a slash, `**` does not.',
  prompts: 'Patterns of names of prompts, at most 200.',
  roles:
    'Names of roles, at most 100. It is about who is in one of `roles`, `subjects` and `apiKeys`, or about everybody when all are empty.',
  subjects: 'Stable subjects, such as `user:<id>` or `service:<id>`, at most 500.',
  apiKeys: 'Public ids of API keys (`keyId`), at most 500.',
  condition: 'CEL expression that has to be true as well; empty: always. At most 8,192 characters.',
} as const;

/** What every change of policies says of expectations. */
export const forceText =
  'Makes the change also when an expectation fails; the audit trail then names those that do.';

@ObjectType('PolicyDefinition', {
  description: 'Everything that a policy says.',
})
export class PolicyDefinitionType {
  @Field(() => String, { description: text.name })
  name!: string;

  @Field(() => String, { description: text.description })
  description!: string;

  @Field(() => PolicyEffect, { description: text.effect })
  effect!: string;

  @Field(() => PolicyMode, { description: text.mode })
  mode!: string;

  @Field(() => Boolean, { description: text.enabled })
  enabled!: boolean;

  @Field(() => String, { description: text.message })
  message!: string;

  @Field(() => [String], { description: text.servers })
  servers!: string[];

  @Field(() => [String], { description: text.methods })
  methods!: string[];

  @Field(() => [String], { description: text.tools })
  tools!: string[];

  @Field(() => [String], { description: text.resources })
  resources!: string[];

  @Field(() => [String], { description: text.prompts })
  prompts!: string[];

  @Field(() => [String], { description: text.roles })
  roles!: string[];

  @Field(() => [String], { description: text.subjects })
  subjects!: string[];

  @Field(() => [String], { description: text.apiKeys })
  apiKeys!: string[];

  @Field(() => String, { description: text.condition })
  condition!: string;
}

@ObjectType('Policy', {
  description:
    'A rule about calls. Of the policies that a call matches any denial counts, then any permission, then the organization’s default. In patterns `*` stands for any run of characters, `?` for one.',
})
export class PolicyType extends PolicyDefinitionType {
  @Field(() => ID, { description: 'Identifies the policy.' })
  id!: string;

  @Field(() => ID, { description: 'The organization that it belongs to.' })
  organizationId!: string;

  @Field(() => Int, {
    description:
      'Orders the policies: of several that decide alike the one with the smallest number is named. Numbers have gaps.',
  })
  position!: number;

  @Field(() => DateTime, { description: 'When it was created.' })
  createdAt!: Date;

  @Field(() => DateTime, { description: 'When it last changed or was moved.' })
  updatedAt!: Date;

  @Field(() => Int, {
    description: 'Counts changes and moves; an update must name the version that it read.',
  })
  version!: number;

  @Field(() => Int, {
    description: 'Counts changes of what it says; records of calls name it.',
  })
  revision!: number;
}

@InputType('PolicyFilter', {
  description: 'Which policies to list; conditions are combined with “and”.',
})
export class PolicyFilter {
  @Field(() => Boolean, {
    nullable: true,
    description: 'Only policies that are enabled, or are not.',
  })
  enabled?: boolean | null;

  @Field(() => PolicyMode, { nullable: true, description: 'Only policies of this mode.' })
  mode?: string | null;

  @Field(() => PolicyEffect, { nullable: true, description: 'Only policies of this effect.' })
  effect?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Only policies that can be about the server with this slug.',
  })
  server?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Only policies that can be about a tool of this name.',
  })
  tool?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Only policies whose name, description or condition contains this text.',
  })
  search?: string | null;
}

@InputType('PolicyDefinitionInput', { description: 'Everything that a policy is to say.' })
export class PolicyDefinitionInput {
  @Field(() => String, { description: text.name })
  name!: string;

  @Field(() => String, { defaultValue: '', description: text.description })
  description!: string;

  @Field(() => PolicyEffect, { description: text.effect })
  effect!: string;

  @Field(() => PolicyMode, { defaultValue: 'enforce', description: text.mode })
  mode!: string;

  @Field(() => Boolean, { defaultValue: true, description: text.enabled })
  enabled!: boolean;

  @Field(() => String, { defaultValue: '', description: text.message })
  message!: string;

  @Field(() => [String], { defaultValue: [], description: text.servers })
  servers!: string[];

  @Field(() => [String], { defaultValue: [], description: text.methods })
  methods!: string[];

  @Field(() => [String], { defaultValue: [], description: text.tools })
  tools!: string[];

  @Field(() => [String], { defaultValue: [], description: text.resources })
  resources!: string[];

  @Field(() => [String], { defaultValue: [], description: text.prompts })
  prompts!: string[];

  @Field(() => [String], { defaultValue: [], description: text.roles })
  roles!: string[];

  @Field(() => [String], { defaultValue: [], description: text.subjects })
  subjects!: string[];

  @Field(() => [String], { defaultValue: [], description: text.apiKeys })
  apiKeys!: string[];

  @Field(() => String, { defaultValue: '', description: text.condition })
  condition!: string;
}

@InputType('CreatePolicyInput', { description: 'A new policy.' })
export class CreatePolicyInput extends PolicyDefinitionInput {
  @Field(() => ID, { description: 'The organization that it is to belong to.' })
  organizationId!: string;

  @Field(() => Boolean, { nullable: true, description: forceText })
  force?: boolean | null;
}

@InputType('UpdatePolicyInput', {
  description:
    'Changes to a policy; what is left out or null stays. A list is replaced as a whole.',
})
export class UpdatePolicyInput {
  @Field(() => ID, { description: 'The organization that it belongs to.' })
  organizationId!: string;

  @Field(() => ID, { description: 'The policy.' })
  id!: string;

  @Field(() => Int, { description: 'The version that was read.' })
  version!: number;

  @Field(() => String, { nullable: true, description: text.name })
  name?: string | null;

  @Field(() => String, { nullable: true, description: text.description })
  description?: string | null;

  @Field(() => PolicyEffect, { nullable: true, description: text.effect })
  effect?: string | null;

  @Field(() => PolicyMode, { nullable: true, description: text.mode })
  mode?: string | null;

  @Field(() => Boolean, { nullable: true, description: text.enabled })
  enabled?: boolean | null;

  @Field(() => String, { nullable: true, description: text.message })
  message?: string | null;

  @Field(() => [String], { nullable: true, description: text.servers })
  servers?: string[] | null;

  @Field(() => [String], { nullable: true, description: text.methods })
  methods?: string[] | null;

  @Field(() => [String], { nullable: true, description: text.tools })
  tools?: string[] | null;

  @Field(() => [String], { nullable: true, description: text.resources })
  resources?: string[] | null;

  @Field(() => [String], { nullable: true, description: text.prompts })
  prompts?: string[] | null;

  @Field(() => [String], { nullable: true, description: text.roles })
  roles?: string[] | null;

  @Field(() => [String], { nullable: true, description: text.subjects })
  subjects?: string[] | null;

  @Field(() => [String], { nullable: true, description: text.apiKeys })
  apiKeys?: string[] | null;

  @Field(() => String, { nullable: true, description: text.condition })
  condition?: string | null;

  @Field(() => Boolean, { nullable: true, description: forceText })
  force?: boolean | null;
}

@InputType('DeletePolicyInput', { description: 'A policy to delete.' })
export class DeletePolicyInput extends DeleteInOrganizationInput {
  @Field(() => Boolean, { nullable: true, description: forceText })
  force?: boolean | null;
}

@InputType('MovePolicyInput', { description: 'A policy’s new place in the organization’s order.' })
export class MovePolicyInput {
  @Field(() => ID, { description: 'The organization that it belongs to.' })
  organizationId!: string;

  @Field(() => ID, { description: 'The policy.' })
  id!: string;

  @Field(() => Int, { description: 'The version that was read.' })
  version!: number;

  @Field(() => PolicyPlace, { description: 'Where it is to stand.' })
  place!: string;

  @Field(() => ID, {
    nullable: true,
    description: 'The other policy, for `BEFORE` and `AFTER`; for these alone.',
  })
  besideId?: string | null;

  @Field(() => Boolean, { nullable: true, description: forceText })
  force?: boolean | null;
}

@ObjectType('PolicyChange', { description: 'A committed change to a policy.' })
export class PolicyChangeType {
  @Field(() => ID, { description: 'The policy.' })
  policyId!: string;

  @Field(() => PolicyChangeKind, { description: 'What happened.' })
  kind!: string;

  @Field(() => SafeInt, { description: 'Revision of the change; `rollout` shows how it spreads.' })
  revision!: number;

  @Field(() => PolicyType, {
    nullable: true,
    description:
      'The policy as it is now, which may be later than `revision`; null when it is deleted.',
  })
  policy!: PolicyType | null;
}

export const PolicyConnection = connectionType(
  'Policy',
  () => PolicyType,
  'policies in the organization’s order',
);

export const PolicyPayload = payloadType('PolicyPayload', 'What became of a change to a policy.', {
  policy: { type: () => PolicyType, description: 'The policy as it is now.' },
  warnings: {
    type: () => [PolicyFindingType],
    description: 'What its author should know; empty for a move.',
  },
  revision: {
    type: () => SafeInt,
    description: 'Revision of the change; `rollout` shows how it spreads.',
  },
});
