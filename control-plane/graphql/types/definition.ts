import { Field, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import { connectionType } from './connection.ts';
import { DateTime, JsonObject, SafeInt } from './scalars.ts';
import { ServerType } from './server.ts';
import { payloadType } from './user-error.ts';

const ToolApproval = {
  APPROVED: 'approved',
  CHANGED: 'changed',
  NOT_APPROVED: 'not_approved',
} as const;

registerEnumType(ToolApproval, {
  name: 'ToolApproval',
  description: 'How what a server offers as a tool stands to what was approved.',
  valuesConfig: {
    APPROVED: { description: 'It is what was approved.' },
    CHANGED: {
      description:
        'Another definition of this tool was approved; the annotations of that one still count.',
    },
    NOT_APPROVED: { description: 'None was approved: no annotations count.' },
  },
});

/** A definition may hold 64 KB. */
const documentCost = 5;

@ObjectType('ClaimedToolAnnotations', {
  description: 'What a server says of a tool. It may say anything; null: it says nothing.',
})
export class ClaimedToolAnnotationsType {
  @Field(() => String, { nullable: true, description: 'Name for people.' })
  title!: string | null;

  @Field(() => Boolean, { nullable: true, description: 'It changes nothing.' })
  readOnlyHint!: boolean | null;

  @Field(() => Boolean, { nullable: true, description: 'It may destroy something.' })
  destructiveHint!: boolean | null;

  @Field(() => Boolean, { nullable: true, description: 'Calling it again changes nothing more.' })
  idempotentHint!: boolean | null;

  @Field(() => Boolean, { nullable: true, description: 'It reaches beyond what the server holds.' })
  openWorldHint!: boolean | null;
}

@ObjectType('ToolAnnotations', {
  description:
    'What counts of a tool, for policies too: what its approved definition says, else the specification’s cautious defaults.',
})
export class ToolAnnotationsType {
  @Field(() => String, { nullable: true, description: 'Name for people.' })
  title!: string | null;

  @Field(() => Boolean, { description: 'It changes nothing; by default it does.' })
  readOnlyHint!: boolean;

  @Field(() => Boolean, { description: 'It may destroy something; by default it may.' })
  destructiveHint!: boolean;

  @Field(() => Boolean, {
    description: 'Calling it again changes nothing more; by default it does.',
  })
  idempotentHint!: boolean;

  @Field(() => Boolean, {
    description: 'It reaches beyond what the server holds; by default it does.',
  })
  openWorldHint!: boolean;
}

@ObjectType('ToolDefinition', { description: 'A tool that a server offers, or that is approved.' })
export class ToolDefinitionType {
  @Field(() => ID, { description: 'Identifies the definition.' })
  id!: string;

  @Field(() => ID, { description: 'The organization that its server belongs to.' })
  organizationId!: string;

  @Field(() => ID, { description: 'The server that offers it.' })
  serverId!: string;

  @Field(() => String, { description: 'Name that calls use.' })
  name!: string;

  @Field(() => String, { nullable: true, description: 'Name for people, if it says one.' })
  title!: string | null;

  @Field(() => String, { nullable: true, description: 'What the server says that it does.' })
  description!: string | null;

  @Field(() => JsonObject, {
    nullable: true,
    complexity: documentCost,
    description: 'JSON Schema of its arguments.',
  })
  inputSchema!: object | null;

  @Field(() => JsonObject, {
    nullable: true,
    complexity: documentCost,
    description: 'JSON Schema of its structured result, if it says one.',
  })
  outputSchema!: object | null;

  @Field(() => JsonObject, {
    complexity: documentCost,
    description:
      'The whole definition as the server gave it last, without `_meta`, `execution` and what PostgreSQL can’t store.',
  })
  definition!: object;

  @Field(() => String, {
    description:
      'SHA-256 of the definition in canonical form (RFC 8785), without `_meta` and `execution`; for `approveTool`.',
  })
  hash!: string;

  @Field(() => ToolApproval, { description: 'How it stands to what was approved.' })
  approval!: string;

  @Field(() => String, { nullable: true, description: 'Hash of the definition that is approved.' })
  pinnedHash!: string | null;

  @Field(() => JsonObject, {
    nullable: true,
    complexity: documentCost,
    description: 'The definition that is approved.',
  })
  pinnedDefinition!: object | null;

  @Field(() => String, { nullable: true, description: 'Who approved of it, as a subject.' })
  approvedBy!: string | null;

  @Field(() => DateTime, { nullable: true, description: 'When it was approved.' })
  approvedAt!: Date | null;

  @Field(() => ClaimedToolAnnotationsType, { description: 'What the server says of it now.' })
  claimedAnnotations!: ClaimedToolAnnotationsType;

  @Field(() => ToolAnnotationsType, { description: 'What counts.' })
  annotations!: ToolAnnotationsType;

  @Field(() => Boolean, {
    description: 'False: the server no longer offers it, and the approval is all that is left.',
  })
  offered!: boolean;

  @Field(() => DateTime, { description: 'When the server was first seen to offer it.' })
  firstSeenAt!: Date;

  @Field(() => DateTime, { description: 'When its definition was last seen to be another one.' })
  changedAt!: Date;
}

@ObjectType('OfferedDefinition', { description: 'A resource, resource template or prompt.' })
export class OfferedDefinitionType {
  @Field(() => ID, { description: 'Identifies the definition.' })
  id!: string;

  @Field(() => ID, { description: 'The organization that its server belongs to.' })
  organizationId!: string;

  @Field(() => ID, { description: 'The server that offers it.' })
  serverId!: string;

  @Field(() => String, {
    description: 'What calls use: name of a prompt, URI of a resource, URI template of a template.',
  })
  name!: string;

  @Field(() => String, { nullable: true, description: 'Name for people, if it says one.' })
  title!: string | null;

  @Field(() => String, { nullable: true, description: 'What the server says about it.' })
  description!: string | null;

  @Field(() => JsonObject, {
    complexity: documentCost,
    description: 'The whole definition as the server gave it last.',
  })
  definition!: object;

  @Field(() => String, { description: 'SHA-256 of the definition in canonical form (RFC 8785).' })
  hash!: string;

  @Field(() => DateTime, { description: 'When the server was first seen to offer it.' })
  firstSeenAt!: Date;

  @Field(() => DateTime, { description: 'When it was last seen to be another one.' })
  changedAt!: Date;
}

@InputType('ToolFilter', {
  description: 'Which tools to list; conditions are combined with “and”.',
})
export class ToolFilter {
  @Field(() => ID, { nullable: true, description: 'Only those of this server.' })
  serverId?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Only those whose name, title or description contains this text.',
  })
  search?: string | null;

  @Field(() => ToolApproval, { nullable: true, description: 'Only those that stand so.' })
  approval?: string | null;
}

@InputType('DefinitionFilter', {
  description: 'Which definitions to list; conditions are combined with “and”.',
})
export class DefinitionFilter {
  @Field(() => ID, { nullable: true, description: 'Only those of this server.' })
  serverId?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Only those whose name, title or description contains this text.',
  })
  search?: string | null;
}

@InputType('ServerDefinitionsInput', { description: 'A server whose definitions it is about.' })
export class ServerDefinitionsInput {
  @Field(() => ID, { description: 'The organization that it belongs to.' })
  organizationId!: string;

  @Field(() => ID, { description: 'The server.' })
  serverId!: string;
}

@InputType('ApproveToolInput', { description: 'A tool’s definition to approve of.' })
export class ApproveToolInput {
  @Field(() => ID, { description: 'The organization that the server belongs to.' })
  organizationId!: string;

  @Field(() => ID, { description: 'The server.' })
  serverId!: string;

  @Field(() => String, { description: 'Name of the tool.' })
  tool!: string;

  @Field(() => String, {
    description:
      'Hash of the definition that was looked at. When the server offers another one by now, nothing is approved (`VERSION_CONFLICT`).',
  })
  hash!: string;
}

@InputType('RevokeToolApprovalInput', { description: 'A tool whose approval is to be taken back.' })
export class RevokeToolApprovalInput {
  @Field(() => ID, { description: 'The organization that the server belongs to.' })
  organizationId!: string;

  @Field(() => ID, { description: 'The server.' })
  serverId!: string;

  @Field(() => String, { description: 'Name of the tool.' })
  tool!: string;
}

const order = 'in the order in which they were first seen';

export const ToolDefinitionConnection = connectionType(
  'ToolDefinition',
  () => ToolDefinitionType,
  `tools, ${order}`,
);

export const OfferedDefinitionConnection = connectionType(
  'OfferedDefinition',
  () => OfferedDefinitionType,
  `definitions, ${order}`,
);

const revision = {
  type: () => SafeInt,
  description:
    'Revision of the change; `rollout` shows how it spreads. Null: it was so already, and nothing was written.',
};

export const ToolPayload = payloadType('ToolPayload', 'What became of an approval.', {
  tool: {
    type: () => ToolDefinitionType,
    description: 'The tool as it is now; null when nothing is left of it.',
  },
  revision,
});

export const ApproveServerToolsPayload = payloadType(
  'ApproveServerToolsPayload',
  'What became of an approval of all tools of a server.',
  {
    approvedCount: { type: () => Int, description: 'Tools that were not approved as they are.' },
    revision,
  },
);

export const RefreshServerDefinitionsPayload = payloadType(
  'RefreshServerDefinitionsPayload',
  'What became of a wish to ask a server again.',
  {
    server: {
      type: () => ServerType,
      description: 'The server; its `definitions.fetchedAt` or `failedAt` moves when it was asked.',
    },
  },
);
