import type { CallRecorder } from '../events/call-recorder.ts';
import { type LocalReply, localReply } from './local-reply.ts';
import type { Routed } from './route.ts';

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
export function authorize(routed: Routed, recorder: CallRecorder): Permit | LocalReply {
  const { organization, server, decoded } = routed;
  if (!organization.enabled || !server.enabled) return localReply('server_disabled');
  const refused = decoded.identified.accepted.snapshot.failClosed(organization.id, server.id);
  if (refused !== undefined) {
    return localReply('configuration_refused', { detail: `${refused.type} ${refused.name}` });
  }
  const listsTasks = decoded.messages.some(
    (message) => message.kind === 'request' && message.method === listsEverybodysTasks,
  );
  if (listsTasks) return localReply('tasks_not_listed');
  if (organization.mustAudit && !recorder.hasRoom()) return localReply('record_unavailable');
  return new Permit(routed);
}
