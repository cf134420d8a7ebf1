import type { AuditEvent } from '../store/append-audit-entry.ts';

/** Who does something, in the audit trail's words. */
export type Actor = AuditEvent['actor'];

/** The platform itself, such as at its first start. */
export const systemActor: Actor = { kind: 'system', id: 'platform' };
