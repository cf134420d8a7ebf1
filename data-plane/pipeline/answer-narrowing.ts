import type { SnapshotSource } from '../snapshot/snapshot.ts';
import { type Admitted, isLongStream } from './limit.ts';
import { visibleTo } from './onlooker.ts';
import type { VisibleItems } from './visible-items.ts';

/** What of an answer its caller may not see. */
export interface AnswerNarrowing {
  /** What stays of the lists in it; undefined: there are none, or all of them stays. */
  readonly items: VisibleItems | undefined;
  /** Of which resources' changes it may tell; undefined: of all. */
  readonly mayRead: ((uri: string) => boolean) | undefined;
}

export interface NarrowingParts {
  readonly snapshots: SnapshotSource;
  /** Wall time. */
  readonly nowMs: () => number;
}

const notNarrowed: AnswerNarrowing = { items: undefined, mayRead: undefined };

/** Requests whose answers name what a server has. */
const namingMethods: ReadonlySet<string> = new Set([
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
  'server/discover',
]);

/** Also a GET stream, for it may bring the answer to a request whose own stream broke. */
function mayName(call: Admitted): boolean {
  const { messages } = call.permit.routed.decoded;
  if (messages.length === 0) return true;
  return messages.some(
    (message) => message.kind === 'request' && namingMethods.has(message.method),
  );
}

/** A stream lasts longer than its snapshot: each change of a resource is looked at by the one in force. */
function mayReadNow(call: Admitted, { snapshots, nowMs }: NarrowingParts) {
  const { routed } = call.permit;
  return (uri: string): boolean => {
    const snapshot = snapshots.current() ?? routed.decoded.identified.accepted.snapshot;
    return visibleTo(routed, snapshot, nowMs())?.shows('resources', uri) ?? true;
  };
}

/** Says what has to be left out of an answer. Most answers are not even looked at. */
export function answerNarrowing(
  call: Admitted,
  kind: 'json' | 'events',
  parts: NarrowingParts,
): AnswerNarrowing {
  const names = mayName(call);
  if (kind === 'json' && !names) return notNarrowed;
  const { routed } = call.permit;
  const items = visibleTo(routed, routed.decoded.identified.accepted.snapshot, parts.nowMs());
  const narrowed = { items: names ? items : undefined };
  if (kind === 'json') return { ...narrowed, mayRead: undefined };
  if (isLongStream(call.permit)) return { ...narrowed, mayRead: mayReadNow(call, parts) };
  const mayRead = items && ((uri: string) => items.shows('resources', uri));
  return { ...narrowed, mayRead };
}
