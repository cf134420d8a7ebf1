import { defineEntity, type InferEntity, p } from '@mikro-orm/core';

/** That a session holds access tokens for an organization's proxy, and until when. */
export const SessionProxyToken = defineEntity({
  name: 'SessionProxyToken',
  tableName: 'session_proxy_tokens',
  properties: {
    sessionId: p.uuid().primary(),
    organizationId: p.uuid().primary(),
    userId: p.uuid(),
    expiresAt: p.datetime(3),
  },
});
export type SessionProxyToken = InferEntity<typeof SessionProxyToken>;
