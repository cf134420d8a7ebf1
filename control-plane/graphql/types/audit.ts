import { Field, ID, InputType, ObjectType } from 'type-graphql';
import { connectionType } from './connection.ts';
import { ActorKind } from './enums.ts';
import { DateTime, JsonObject, SafeInt } from './scalars.ts';

@ObjectType('AuditEntry', {
  description:
    'An entry of the audit trail: who changed what. Entries form a hash chain and are never changed.',
})
export class AuditEntryType {
  @Field(() => ID, { description: 'Identifies the entry.' })
  id!: string;

  @Field(() => SafeInt, { description: 'Position in its chain, from 1, without gaps.' })
  sequence!: number;

  @Field(() => DateTime, { description: 'When it happened.' })
  at!: Date;

  @Field(() => String, { description: 'What was done, such as `server.update`.' })
  action!: string;

  @Field(() => ActorKind, { description: 'What kind of party did it.' })
  actorKind!: string;

  @Field(() => String, { description: 'Who did it.' })
  actorId!: string;

  @Field(() => String, { nullable: true, description: 'Who did it, for people; null once erased.' })
  actorLabel!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The session or the API key that the actor used: its id, never a secret.',
  })
  credentialId!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Address that the actor came from; null for the platform itself and once erased.',
  })
  clientAddress!: string | null;

  @Field(() => String, { description: 'Type of what it was done to, such as `server`.' })
  targetType!: string;

  @Field(() => String, { description: 'What it was done to.' })
  targetId!: string;

  @Field(() => String, { nullable: true, description: 'The same for people; null once erased.' })
  targetLabel!: string | null;

  @Field(() => JsonObject, {
    description:
      'What else is known of it. A change names the fields that `changed`, and their values `before` and `after`. Secrets are redacted.',
  })
  details!: Record<string, unknown>;

  @Field(() => JsonObject, {
    nullable: true,
    description:
      'The same for personal data, such as addresses; null when there is none, and once erased.',
  })
  privateDetails!: Record<string, unknown> | null;

  @Field(() => SafeInt, {
    nullable: true,
    description: 'Revision of the change; null: nodes need not know.',
  })
  revision!: number | null;

  @Field(() => String, {
    description: 'Hash of the entry, in hex, which covers the one before it.',
  })
  hash!: string;
}

@InputType('AuditFilter', {
  description: 'Which audit entries to list or to follow; conditions are combined with “and”.',
})
export class AuditFilter {
  @Field(() => String, { nullable: true, description: 'Only this action.' })
  action?: string | null;

  @Field(() => ActorKind, { nullable: true, description: 'Only what parties of this kind did.' })
  actorKind?: (typeof ActorKind)[keyof typeof ActorKind] | null;

  @Field(() => String, { nullable: true, description: 'Only what this party did.' })
  actorId?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Only what was done to things of this type.',
  })
  targetType?: string | null;

  @Field(() => String, { nullable: true, description: 'Only what was done to this thing.' })
  targetId?: string | null;

  @Field(() => String, {
    nullable: true,
    description:
      'Only entries that name this id: as their own, as their actor, their target or the credential used.',
  })
  id?: string | null;

  @Field(() => DateTime, { nullable: true, description: 'Only entries at or after this time.' })
  from?: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'Only entries before this time.' })
  before?: Date | null;
}

export const AuditEntryConnection = connectionType(
  'AuditEntry',
  () => AuditEntryType,
  'audit entries, newest first',
);
