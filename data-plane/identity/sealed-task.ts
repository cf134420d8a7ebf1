import type { SealKeyRing } from '../snapshot/seal-key-ring.ts';
import { openText, type SealScope, sealText } from './sealed-text.ts';

/** A task as its caller carries it. */
export interface SealedTask {
  /** The upstream's own id. */
  readonly taskId: string;
  /** Tool whose call made it, which decides who may ask for it; empty: not known. */
  readonly tool: string;
}

type TaskScope = Omit<SealScope, 'purpose'>;

/** The id that the client sees. The same task of the same tool keeps its id. */
export function sealTask(
  ring: SealKeyRing,
  scope: TaskScope,
  { taskId, tool }: SealedTask,
): string {
  return sealText(ring, { ...scope, purpose: 'task' }, JSON.stringify([taskId, tool]));
}

/** The task behind an id; undefined: made up, another caller's, or another server's. */
export function openTask(
  ring: SealKeyRing,
  scope: TaskScope,
  sealed: string,
): SealedTask | undefined {
  const text = openText(ring, { ...scope, purpose: 'task' }, sealed);
  return text === undefined ? undefined : readTask(text);
}

function readTask(text: string): SealedTask {
  try {
    const fields: unknown = JSON.parse(text);
    if (Array.isArray(fields)) return { taskId: String(fields[0]), tool: String(fields[1]) };
  } catch {
    // No JSON: see below.
  }
  // An older build sealed the id alone.
  return { taskId: text, tool: '' };
}
