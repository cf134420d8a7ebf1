import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { connectionType } from './connection.ts';
import { McpEra, McpTransport, ServerChangeKind } from './enums.ts';
import { DateTime, SafeInt } from './scalars.ts';
import { payloadType } from './user-error.ts';

@ObjectType('Label', { description: 'A name with a value, for the organization’s own order.' })
export class LabelType {
  @Field(() => String, { description: 'Name of the label.' })
  name!: string;

  @Field(() => String, { description: 'Value of the label.' })
  value!: string;
}

@ObjectType('Endpoint', { description: 'One address of an MCP server.' })
export class EndpointType {
  @Field(() => ID, { description: 'Identifies the endpoint; kept while its URL stays.' })
  id!: string;

  @Field(() => String, { description: 'Absolute URL of the MCP endpoint.' })
  url!: string;

  @Field(() => Int, { description: 'Relative share of calls, 1 to 1,000.' })
  weight!: number;
}

@ObjectType('UpstreamCredential', {
  description: 'What the gateway presents to the server. The value can be written, never read.',
})
export class UpstreamCredentialType {
  @Field(() => String, { description: 'Name of the header that carries it, in lower case.' })
  header!: string;

  @Field(() => DateTime, { description: 'When the value was last set.' })
  updatedAt!: Date;
}

@ObjectType('ServerDefinitions', {
  description:
    'How well it is known what a server offers. The worker asks every server now and then.',
})
export class ServerDefinitionsType {
  @Field(() => DateTime, { nullable: true, description: 'When it was learned last; null: never.' })
  fetchedAt!: Date | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When the last look failed; null: it did not. What was known before stays.',
  })
  failedAt!: Date | null;

  @Field(() => String, { nullable: true, description: 'Why the last look failed.' })
  error!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'What the last look left out, such as definitions beyond the bounds.',
  })
  warning!: string | null;

  @Field(() => Int, { description: 'Failures in a row.' })
  failures!: number;

  @Field(() => DateTime, { description: 'When the server is asked next.' })
  nextFetchAt!: Date;
}

@ObjectType('Server', {
  description:
    'An MCP server. Agents reach it at `/{organization slug}/{server slug}/mcp` of any node that serves the organization.',
})
export class ServerType {
  @Field(() => ID, { description: 'Identifies the server.' })
  id!: string;

  @Field(() => ID, { description: 'The organization that it belongs to.' })
  organizationId!: string;

  @Field(() => String, { description: 'Second segment of the path, unique in the organization.' })
  slug!: string;

  @Field(() => String, { description: 'Name for people.' })
  name!: string;

  @Field(() => String, { description: 'What the server is for.' })
  description!: string;

  @Field(() => Boolean, { description: 'Whether agents may call it.' })
  enabled!: boolean;

  @Field(() => McpTransport, { description: 'How the gateway speaks to it.' })
  transport!: string;

  @Field(() => McpEra, {
    nullable: true,
    description: 'Protocol family; null: each node detects it.',
  })
  era!: string | null;

  @Field(() => [EndpointType], { description: 'Its addresses, at least one.' })
  endpoints!: EndpointType[];

  @Field(() => UpstreamCredentialType, {
    nullable: true,
    description: 'What the gateway presents to it; null: nothing.',
  })
  credential!: UpstreamCredentialType | null;

  @Field(() => [LabelType], { description: 'Labels, in the order of their names.' })
  labels!: LabelType[];

  @Field(() => String, { nullable: true, description: 'Where people read about it.' })
  documentationUrl!: string | null;

  @Field(() => Int, {
    nullable: true,
    description: 'Milliseconds in which a connection must stand; null: the node’s own setting.',
  })
  connectTimeoutMs!: number | null;

  @Field(() => Int, {
    nullable: true,
    description: 'Milliseconds in which an answer must begin; null: the node’s own setting.',
  })
  requestTimeoutMs!: number | null;

  @Field(() => ServerDefinitionsType, {
    description:
      'How well it is known what it offers; `tools`, `resources`, `resourceTemplates` and `prompts` of its organization list that.',
  })
  definitions!: ServerDefinitionsType;

  @Field(() => DateTime, { description: 'When it was created.' })
  createdAt!: Date;

  @Field(() => DateTime, {
    description: 'When it last changed, endpoints and credential included.',
  })
  updatedAt!: Date;

  @Field(() => Int, {
    description: 'Counts changes; an update must name the version that it read.',
  })
  version!: number;
}

@InputType('ServerFilter', {
  description: 'Which servers to list; conditions are combined with “and”.',
})
export class ServerFilter {
  @Field(() => String, { nullable: true, description: 'Only the server with this slug.' })
  slug?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Only servers whose name or slug contains this text.',
  })
  search?: string | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Only servers that may be called, or may not.',
  })
  enabled?: boolean | null;

  @Field(() => McpTransport, { nullable: true, description: 'Only servers of this transport.' })
  transport?: string | null;
}

@InputType('LabelInput', { description: 'A label to set.' })
export class LabelInput {
  @Field(() => String, { description: 'Name, 1 to 63 characters.' })
  name!: string;

  @Field(() => String, { description: 'Value, at most 200 characters.' })
  value!: string;
}

@InputType('EndpointInput', { description: 'An address to set.' })
export class EndpointInput {
  @Field(() => String, {
    description:
      'Absolute `http` or `https` URL without user, password and fragment. Private and loopback addresses need the platform’s permission.',
  })
  url!: string;

  @Field(() => Int, { defaultValue: 1, description: 'Relative share of calls, 1 to 1,000.' })
  weight!: number;
}

@InputType('UpstreamCredentialInput', {
  description: 'What the gateway is to present to the server.',
})
export class UpstreamCredentialInput {
  @Field(() => String, {
    defaultValue: 'authorization',
    description: 'Header name. Headers that the protocol itself uses are refused.',
  })
  header!: string;

  @Field(() => String, {
    description:
      'The whole header value, such as `Bearer …`. Stored encrypted, and never shown again.',
  })
  value!: string;
}

@InputType('CreateServerInput', { description: 'A new MCP server.' })
export class CreateServerInput {
  @Field(() => ID, { description: 'The organization that it is to belong to.' })
  organizationId!: string;

  @Field(() => String, { description: 'Second segment of its path, unique in the organization.' })
  slug!: string;

  @Field(() => String, { description: 'Name for people.' })
  name!: string;

  @Field(() => String, {
    defaultValue: '',
    description: 'What it is for, at most 4,000 characters.',
  })
  description!: string;

  @Field(() => Boolean, { defaultValue: true, description: 'Whether agents may call it.' })
  enabled!: boolean;

  @Field(() => McpTransport, {
    defaultValue: 'streamable-http',
    description: 'How to speak to it.',
  })
  transport!: string;

  @Field(() => McpEra, {
    nullable: true,
    description: 'Protocol family; null: each node detects it.',
  })
  era?: string | null;

  @Field(() => [EndpointInput], { description: 'Its addresses, 1 to 32.' })
  endpoints!: EndpointInput[];

  @Field(() => UpstreamCredentialInput, { nullable: true, description: 'What to present to it.' })
  credential?: UpstreamCredentialInput | null;

  @Field(() => [LabelInput], { defaultValue: [], description: 'Labels, at most 32.' })
  labels!: LabelInput[];

  @Field(() => String, { nullable: true, description: 'Where people read about it.' })
  documentationUrl?: string | null;

  @Field(() => Int, { nullable: true, description: 'Milliseconds to connect, 10 to 60,000.' })
  connectTimeoutMs?: number | null;

  @Field(() => Int, {
    nullable: true,
    description: 'Milliseconds until an answer begins, 100 to 3,600,000.',
  })
  requestTimeoutMs?: number | null;
}

@InputType('UpdateServerInput', {
  description: 'Changes to a server; what is left out stays, and null clears what can be null.',
})
export class UpdateServerInput {
  @Field(() => ID, { description: 'The organization that it belongs to.' })
  organizationId!: string;

  @Field(() => ID, { description: 'The server.' })
  id!: string;

  @Field(() => Int, { description: 'The version that was read.' })
  version!: number;

  @Field(() => String, {
    nullable: true,
    description: 'New slug. Agents must use the new path at once.',
  })
  slug?: string | null;

  @Field(() => String, { nullable: true, description: 'New name.' })
  name?: string | null;

  @Field(() => String, { nullable: true, description: 'New description.' })
  description?: string | null;

  @Field(() => Boolean, { nullable: true, description: 'Whether agents may call it.' })
  enabled?: boolean | null;

  @Field(() => McpTransport, { nullable: true, description: 'How to speak to it.' })
  transport?: string | null;

  @Field(() => McpEra, {
    nullable: true,
    description: 'Protocol family; null: each node detects it.',
  })
  era?: string | null;

  @Field(() => [EndpointInput], {
    nullable: true,
    description: 'All its addresses from now on; those whose URL stays keep their id.',
  })
  endpoints?: EndpointInput[] | null;

  @Field(() => UpstreamCredentialInput, {
    nullable: true,
    description: 'What to present from now on; null removes it.',
  })
  credential?: UpstreamCredentialInput | null;

  @Field(() => [LabelInput], { nullable: true, description: 'All its labels from now on.' })
  labels?: LabelInput[] | null;

  @Field(() => String, {
    nullable: true,
    description: 'Where people read about it; null removes it.',
  })
  documentationUrl?: string | null;

  @Field(() => Int, {
    nullable: true,
    description: 'Milliseconds to connect; null: the node’s own setting.',
  })
  connectTimeoutMs?: number | null;

  @Field(() => Int, {
    nullable: true,
    description: 'Milliseconds until an answer begins; null: the node’s own setting.',
  })
  requestTimeoutMs?: number | null;
}

@ObjectType('ServerChange', { description: 'A committed change to a server.' })
export class ServerChangeType {
  @Field(() => ID, { description: 'The server.' })
  serverId!: string;

  @Field(() => ServerChangeKind, { description: 'What happened.' })
  kind!: string;

  @Field(() => SafeInt, { description: 'Revision of the change; `rollout` shows how it spreads.' })
  revision!: number;

  @Field(() => ServerType, {
    nullable: true,
    description:
      'The server as it is now, which may be later than `revision`; null when it is deleted.',
  })
  server!: ServerType | null;
}

export const ServerConnection = connectionType(
  'Server',
  () => ServerType,
  'MCP servers, oldest first',
);

export const ServerPayload = payloadType('ServerPayload', 'What became of a change to a server.', {
  server: { type: () => ServerType, description: 'The server as it is now.' },
  revision: {
    type: () => SafeInt,
    description: 'Revision of the change; `rollout` shows how it spreads.',
  },
});
