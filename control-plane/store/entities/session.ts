import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

/** Why a session ended before its time, stable: part of the GraphQL interface and the audit trail. */
export const sessionEndReasons = [
  'idle',
  'logged_out',
  'ended_by_user',
  'ended_by_operator',
  'refresh_token_reused',
  'too_many_refreshes',
  'too_many_sessions',
  'password_changed',
  'account_disabled',
  'account_deleted',
  'issuer_ended',
  'membership_ended',
] as const;
export type SessionEndReason = (typeof sessionEndReasons)[number];

/** A family of refresh tokens that followed each other since one log-in. */
export const Session = defineEntity({
  name: 'Session',
  tableName: 'sessions',
  properties: {
    id: p.uuid().primary(),
    userId: p.uuid(),
    /** Set when an organization's issuer vouched for it: it is good there alone. */
    organizationId: p.uuid().strictNullable(),
    issuerId: p.uuid().strictNullable(),
    /** Where it was last opened or refreshed from. */
    clientAddress: p.text(),
    userAgent: p.text(),
    createdAt: p.datetime(3),
    lastUsedAt: p.datetime(3),
    /** Absolute: no refresh moves it. */
    expiresAt: p.datetime(3),
    /** Each used refresh token stays for as long as its session: their number is bounded. */
    refreshCount: p.integer(),
    endedAt: p.datetime(3).strictNullable(),
    endReason: p.text().$type<SessionEndReason>().strictNullable(),
  },
});
export type Session = InferEntity<typeof Session>;
