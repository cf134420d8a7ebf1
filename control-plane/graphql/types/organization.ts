import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { connectionType } from './connection.ts';
import { ArgumentRecording, PolicyDefault, ToolRefusalForm } from './policy-enums.ts';
import { DateTime } from './scalars.ts';
import { payloadType } from './user-error.ts';

@ObjectType('Organization', {
  description:
    'A tenant: people, API keys and MCP servers that belong together and are invisible to others.',
})
export class OrganizationType {
  @Field(() => ID, { description: 'Identifies the organization.' })
  id!: string;

  @Field(() => String, {
    description: 'First segment of the proxy’s path, unique on the platform.',
  })
  slug!: string;

  @Field(() => String, { description: 'Name for people.' })
  name!: string;

  @Field(() => Boolean, { description: 'Whether its agents may call.' })
  enabled!: boolean;

  @Field(() => Boolean, {
    description:
      'Whether calls are answered only once their record is on disk, and refused while it can’t be.',
  })
  mustAudit!: boolean;

  @Field(() => [String], {
    description:
      'Exact origins of browser clients that may call, such as `https://app.example.com`.',
  })
  allowedOrigins!: string[];

  @Field(() => Int, {
    nullable: true,
    description:
      'Calls are refused on a node that has not heard for so many seconds whether its configuration is current; null: never.',
  })
  staleAfterSeconds!: number | null;

  @Field(() => PolicyDefault, { description: 'What becomes of a call that no policy decides.' })
  policyDefault!: string;

  @Field(() => ToolRefusalForm, {
    description: 'How a `tools/call` that a policy denies is answered.',
  })
  toolRefusalForm!: string;

  @Field(() => ArgumentRecording, {
    description: 'What of a call’s arguments stands in its record.',
  })
  argumentRecording!: string;

  @Field(() => Int, {
    description: 'Longer arguments are not recorded, in bytes of JSON.',
  })
  argumentBytesMax!: number;

  @Field(() => [String], {
    description:
      'Request headers that conditions of policies may read, in lower case; records of calls hold them too.',
  })
  policyHeaders!: string[];

  @Field(() => DateTime, { description: 'When it was created.' })
  createdAt!: Date;

  @Field(() => DateTime, { description: 'When it last changed.' })
  updatedAt!: Date;

  @Field(() => Int, {
    description: 'Counts changes; an update must name the version that it read.',
  })
  version!: number;
}

@InputType('OrganizationFilter', {
  description: 'Which organizations to list; conditions are combined with “and”.',
})
export class OrganizationFilter {
  @Field(() => String, {
    nullable: true,
    description: 'Only organizations whose name or slug contains this text.',
  })
  search?: string | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Only organizations whose agents may call, or may not.',
  })
  enabled?: boolean | null;
}

@InputType('CreateOrganizationInput', { description: 'A new organization.' })
export class CreateOrganizationInput {
  @Field(() => String, { description: 'First segment of its path, unique on the platform.' })
  slug!: string;

  @Field(() => String, { description: 'Name for people.' })
  name!: string;

  @Field(() => ID, { nullable: true, description: 'Its first owner; left out: the caller.' })
  ownerId?: string | null;

  @Field(() => Boolean, {
    defaultValue: false,
    description: 'Whether calls must be recorded before they are answered.',
  })
  mustAudit!: boolean;

  @Field(() => [String], {
    defaultValue: [],
    description: 'Origins of browser clients that may call, at most 100.',
  })
  allowedOrigins!: string[];

  @Field(() => Int, {
    nullable: true,
    description:
      'Age in seconds, from 10, at which a node’s view is too old to be called by; null: never.',
  })
  staleAfterSeconds?: number | null;

  @Field(() => PolicyDefault, {
    defaultValue: 'allow',
    description: 'What becomes of a call that no policy decides.',
  })
  policyDefault!: string;

  @Field(() => ToolRefusalForm, {
    defaultValue: 'json_rpc_error',
    description: 'How to answer a `tools/call` that a policy denies.',
  })
  toolRefusalForm!: string;

  @Field(() => ArgumentRecording, {
    defaultValue: 'off',
    description: 'What of a call’s arguments its record is to hold.',
  })
  argumentRecording!: string;

  @Field(() => Int, {
    defaultValue: 16_384,
    description: 'Longer arguments are not recorded, in bytes of JSON, 256 to 65,536.',
  })
  argumentBytesMax!: number;

  @Field(() => [String], {
    defaultValue: [],
    description:
      'Request headers that conditions of policies may read, at most 20; none that may carry a credential.',
  })
  policyHeaders!: string[];
}

@InputType('UpdateOrganizationInput', {
  description: 'Changes to an organization; what is left out stays.',
})
export class UpdateOrganizationInput {
  @Field(() => ID, { description: 'The organization.' })
  organizationId!: string;

  @Field(() => Int, { description: 'The version that was read.' })
  version!: number;

  @Field(() => String, {
    nullable: true,
    description: 'New slug. Agents must use the new paths at once.',
  })
  slug?: string | null;

  @Field(() => String, { nullable: true, description: 'New name.' })
  name?: string | null;

  @Field(() => Boolean, { nullable: true, description: 'Whether its agents may call.' })
  enabled?: boolean | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Whether calls must be recorded before they are answered.',
  })
  mustAudit?: boolean | null;

  @Field(() => [String], { nullable: true, description: 'All allowed origins from now on.' })
  allowedOrigins?: string[] | null;

  @Field(() => Int, {
    nullable: true,
    description:
      'Age in seconds, from 10, at which a node’s view is too old to be called by; null: never.',
  })
  staleAfterSeconds?: number | null;

  @Field(() => PolicyDefault, {
    nullable: true,
    description: 'What becomes of a call that no policy decides.',
  })
  policyDefault?: string | null;

  @Field(() => ToolRefusalForm, {
    nullable: true,
    description: 'How to answer a `tools/call` that a policy denies.',
  })
  toolRefusalForm?: string | null;

  @Field(() => ArgumentRecording, {
    nullable: true,
    description: 'What of a call’s arguments its record is to hold.',
  })
  argumentRecording?: string | null;

  @Field(() => Int, {
    nullable: true,
    description: 'Longer arguments are not recorded, in bytes of JSON, 256 to 65,536.',
  })
  argumentBytesMax?: number | null;

  @Field(() => [String], {
    nullable: true,
    description:
      'Request headers that conditions of policies may read, at most 20; none that may carry a credential.',
  })
  policyHeaders?: string[] | null;

  @Field(() => Boolean, {
    nullable: true,
    description:
      'Makes the change also when an expectation about policies fails; the audit trail then names those that do.',
  })
  force?: boolean | null;
}

@InputType('DeleteOrganizationInput', {
  description:
    'An organization to delete with its servers, credentials, API keys and memberships. Its records and its audit trail stay.',
})
export class DeleteOrganizationInput {
  @Field(() => ID, { description: 'The organization.' })
  organizationId!: string;

  @Field(() => Int, { description: 'The version that was read.' })
  version!: number;

  @Field(() => String, { description: 'Its slug once more, against mistakes.' })
  confirmSlug!: string;
}

export const OrganizationConnection = connectionType(
  'Organization',
  () => OrganizationType,
  'organizations, oldest first',
);

export const OrganizationPayload = payloadType(
  'OrganizationPayload',
  'What became of a change to an organization.',
  {
    organization: {
      type: () => OrganizationType,
      description: 'The organization as it is now, or as it was when deleted.',
    },
  },
);
