import type { TypeDigest } from '../../proto/gen/mcpgw/discovery/v1/TypeDigest.ts';
import { type HeldResource, resourceKey } from './held-resource.ts';
import { inTurns } from './in-turns.ts';
import type { CompleteRange } from './range-assembler.ts';
import type { ResourceState } from './resource-state.ts';

export interface RangeContext {
  /** Epoch that the stream is of. */
  readonly epoch: string;
  /** The node said that it holds nothing, so that what the range doesn't name doesn't exist. */
  readonly replacesAll: boolean;
  /** First range of its stream. */
  readonly first: boolean;
}

export type RangeOutcome =
  | {
      readonly kind: 'applied';
      readonly state: ResourceState;
      /** Resources of the range that can't be used. */
      readonly rejected: readonly HeldResource[];
    }
  /** The range would roll the node back, or leaves revisions out between what it holds and the range. */
  | { readonly kind: 'refused'; readonly message: string }
  /** The result isn't what the control plane says that it is. */
  | { readonly kind: 'digest_mismatch'; readonly types: readonly string[] };

function positionViolation(
  state: ResourceState,
  range: CompleteRange,
  context: RangeContext,
): string | undefined {
  // Another epoch is another database: its revisions say nothing about ours.
  if (state.epoch !== context.epoch) return undefined;
  if (range.toRevision < state.revision) {
    return `the range ends at revision ${range.toRevision}, but the node is at ${state.revision}: it would be rolled back`;
  }
  if (!context.replacesAll && range.fromRevision > state.revision) {
    return `the range begins at revision ${range.fromRevision}, but the node is at ${state.revision}: it would miss revisions`;
  }
  return undefined;
}

/** Types in which a state differs from what the control plane says that it must be. */
export function differingTypes(state: ResourceState, expected: readonly TypeDigest[]): string[] {
  const byType = new Map(expected.map((digest) => [digest.type, digest]));
  const types = new Set([...byType.keys(), ...state.types()]);
  return [...types].filter((type) => {
    const held = state.digest(type);
    const due = byType.get(type);
    if (due === undefined || due.count === 0) return held.count !== 0;
    return held.count !== due.count || !held.bytes.equals(due.digest);
  });
}

function* applying(
  state: ResourceState,
  range: CompleteRange,
  context: RangeContext,
): Generator<void, RangeOutcome> {
  const editor = state.edit();
  const rejected: HeldResource[] = [];
  for (const { type, name } of range.removed) {
    editor.remove(type, name);
    yield;
  }
  for (const resource of range.resources) {
    const held = editor.put(resource);
    if (held.refusal !== undefined) rejected.push(held);
    yield;
  }
  if (context.replacesAll && state.epoch !== '') {
    const keys = new Set<string>();
    for (const { resource } of range.resources) {
      keys.add(resourceKey(resource.type, resource.name));
      yield;
    }
    yield* editor.retain(keys);
  } else if (context.first) {
    editor.removeWithdrawn();
  }
  const next = yield* editor.finishing(context.epoch, range.toRevision);
  const types = differingTypes(next, range.commit.digests);
  return types.length > 0
    ? { kind: 'digest_mismatch', types }
    : { kind: 'applied', state: next, rejected };
}

/**
 * Applies a range as a whole: the outcome is a new state, or none, and `state` stays as it is. What can't
 * be used doesn't keep the rest from being applied. Gives calls their turn while a large range is
 * worked in.
 */
export async function applyRange(
  state: ResourceState,
  range: CompleteRange,
  context: RangeContext,
): Promise<RangeOutcome> {
  const violation = positionViolation(state, range, context);
  return violation === undefined
    ? inTurns(applying(state, range, context))
    : { kind: 'refused', message: violation };
}
