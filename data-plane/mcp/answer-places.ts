import type { ChangingList } from './changing-list.ts';
import type { PathNode } from './json-rewriter.ts';

const taskId: PathNode = { rewrite: 'taskId' };
const relatedTask: PathNode = {
  children: { 'io.modelcontextprotocol/related-task': { children: { taskId } } },
};

const error: PathNode = { tap: 'response', children: { code: { tap: 'errorCode' } } };

/** Places read in an answer that carries nothing of ours: whether it is there, and its error code. */
export const plainPlaces: PathNode = { children: { result: { tap: 'response' }, error } };

/** By what name the promise to announce changes of a list is reported. */
export function listChangedTap(list: ChangingList): string {
  return `${list}ListChanged`;
}

function announces(list: ChangingList): PathNode {
  return { children: { listChanged: { tap: listChangedTap(list) } } };
}

/** Places read in the answer to `initialize`: what a session has to know later. */
export const initializePlaces: PathNode = {
  children: {
    result: {
      tap: 'response',
      children: {
        protocolVersion: { tap: 'protocolVersion' },
        capabilities: {
          children: {
            tools: announces('tools'),
            prompts: announces('prompts'),
            resources: announces('resources'),
          },
        },
      },
    },
    error,
  },
};

/**
 * Places where an upstream names state of its own that a client carries back: `requestState` of a
 * multi-round request, and task ids of both eras [2026-07-28/basic/patterns/mrtr;
 * 2025-11-25/basic/utilities/tasks; SEP-2663].
 */
export const sealedPlaces: PathNode = {
  children: {
    result: {
      tap: 'response',
      children: {
        requestState: { rewrite: 'requestState' },
        taskId,
        task: { children: { taskId } },
        _meta: relatedTask,
      },
    },
    error,
    method: { tap: 'method' },
    params: {
      children: {
        // In a notification the server's own task; in a request one that the client made.
        taskId: { rewrite: 'notifiedTaskId' },
        _meta: relatedTask,
        notifications: { children: { taskIds: { children: { '*': taskId } } } },
      },
    },
  },
};
