import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { connectionType } from './connection.ts';
import { UserType } from './identity.ts';
import { DateTime } from './scalars.ts';
import { payloadType } from './user-error.ts';

@ObjectType('LoginPayload', { description: 'The tokens of a session.' })
export class LoginPayloadType {
  @Field(() => String, {
    description:
      'Send it as `Authorization: Bearer …`, or as `authorization` in the WebSocket’s connection parameters.',
  })
  accessToken!: string;

  @Field(() => DateTime, { description: 'When the access token ends.' })
  expiresAt!: Date;

  @Field(() => String, {
    description:
      'Good once, for `refresh`, which gives the next. Keep it as you keep a password: only its hash is stored.',
  })
  refreshToken!: string;

  @Field(() => DateTime, {
    description: 'When the refresh token ends, and with it the session unless it was refreshed.',
  })
  refreshTokenExpiresAt!: Date;

  @Field(() => UserType, { description: 'Who logged in.' })
  user!: UserType;
}

@ObjectType('Session', { description: 'What a log-in opened, and each refresh goes on with.' })
export class SessionType {
  @Field(() => ID, { description: 'Identifies the session.' })
  id!: string;

  @Field(() => ID, {
    nullable: true,
    description:
      'Set when an organization’s issuer vouched for the log-in: the session is good in that organization alone.',
  })
  organizationId!: string | null;

  @Field(() => String, { description: 'Address that it was last opened or refreshed from.' })
  clientAddress!: string;

  @Field(() => String, {
    description: 'What the client called itself then (`User-Agent`); empty: nothing.',
  })
  userAgent!: string;

  @Field(() => DateTime, { description: 'When it was opened.' })
  createdAt!: Date;

  @Field(() => DateTime, { description: 'When it was last opened or refreshed.' })
  lastUsedAt!: Date;

  @Field(() => DateTime, { description: 'When it ends at the latest.' })
  expiresAt!: Date;

  @Field(() => Boolean, { description: 'Whether it is the one that this request belongs to.' })
  current!: boolean;
}

export const SessionConnection = connectionType(
  'Session',
  () => SessionType,
  'sessions that stand, newest first',
);

@InputType('EndSessionInput', { description: 'One of the caller’s own sessions.' })
export class EndSessionInput {
  @Field(() => ID, { description: 'The session.' })
  id!: string;
}

@InputType('EndUserSessionsInput', { description: 'Sessions of somebody.' })
export class EndUserSessionsInput {
  @Field(() => ID, { description: 'The person.' })
  userId!: string;

  @Field(() => ID, { nullable: true, description: 'One session; left out: all.' })
  sessionId?: string | null;
}

export const EndSessionsPayload = payloadType(
  'EndSessionsPayload',
  'What became of sessions that were to end. Their tokens are refused at once, at nodes too.',
  { endedCount: { type: () => Int, description: 'How many ended; 0: none stood.' } },
);
