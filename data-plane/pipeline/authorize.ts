import type { CallRecorder } from '../events/call-recorder.ts';
import { insufficientScopeHeaders } from './challenge.ts';
import { type LocalReply, localReply } from './local-reply.ts';
import type { Routed } from './route.ts';
import { missingScopes } from './scope-check.ts';
import { type Present, targetRefusal } from './standing.ts';

/** Says that a call may be made. Only `authorize` makes one, and what follows takes nothing else. */
class Permit {
  readonly #routed: Routed;

  constructor(routed: Routed) {
    this.#routed = routed;
  }

  get routed(): Routed {
    return this.#routed;
  }
}

export type { Permit };

/** Lists every caller's tasks where the upstream sees all callers as one. */
const listsEverybodysTasks = 'tasks/list';

/** Decides whether the caller may do this: nothing is allowed by what could not be read. */
export function authorize(
  routed: Routed,
  recorder: CallRecorder,
  now: Omit<Present, 'snapshot'>,
): Permit | LocalReply {
  const { organization, server, decoded } = routed;
  const { accepted, principal } = decoded.identified;
  const closed = targetRefusal(routed, { ...now, snapshot: accepted.snapshot });
  if (closed !== undefined) return closed;
  const missing = missingScopes(
    { server: server.slug, messages: decoded.messages },
    principal.scopes,
  );
  if (missing !== undefined) {
    const headers = insufficientScopeHeaders(accepted, missing);
    return localReply('scope_insufficient', { headers });
  }
  const listsTasks = decoded.messages.some(
    (message) => message.kind === 'request' && message.method === listsEverybodysTasks,
  );
  if (listsTasks) return localReply('tasks_not_listed');
  if (organization.mustAudit && !recorder.hasRoom()) return localReply('record_unavailable');
  return new Permit(routed);
}
