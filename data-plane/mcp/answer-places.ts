import { type ChangingList, changingLists } from './changing-list.ts';
import type { PathNode } from './json-rewriter.ts';

const taskId: PathNode = { rewrite: 'taskId' };
const relatedTask: PathNode = {
  children: { 'io.modelcontextprotocol/related-task': { children: { taskId } } },
};

const error: PathNode = { tap: 'response', children: { code: { tap: 'errorCode' } } };

/** Lists of a server that its answers carry, and by which member an item of each is known. */
export const itemNames = {
  tools: 'name',
  prompts: 'name',
  resources: 'uri',
  resourceTemplates: 'uriTemplate',
} as const;
export type ItemList = keyof typeof itemNames;

const lists: Readonly<Record<ItemList, PathNode>> = {
  tools: { take: 'tools' },
  prompts: { take: 'prompts' },
  resources: { take: 'resources' },
  resourceTemplates: { take: 'resourceTemplates' },
};

/** Places read in an answer that carries nothing of ours: whether it is there, and its error code. */
const plainPlaces: PathNode = { children: { result: { tap: 'response' }, error } };

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
const sealedPlaces: PathNode = {
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

/** What of an answer has to be read. */
export interface AnswerContent {
  /** State that is sealed for the caller. */
  readonly seals: boolean;
  /** Lists that are narrowed for the caller; `cacheable`: with what a client is told of how long they hold. */
  readonly lists: 'none' | 'plain' | 'cacheable';
  /** Notifications about single resources. */
  readonly updates: boolean;
  /** What of a subscription is honoured. */
  readonly acknowledgment: boolean;
}

const listedResult: PathNode = { children: lists };

const cacheableResult: PathNode = {
  children: { ...lists, ttlMs: { take: 'ttlMs' }, cacheScope: { take: 'cacheScope' } },
  closing: 'result',
};

const updatedResource: PathNode = { children: { uri: { tap: 'uri' } } };

/** A message of a batch, which isn't told apart by its response. */
const batchedUpdate: PathNode = {
  children: {
    method: { tap: 'batchedMethod' },
    params: updatedResource,
    result: { tap: 'batchedResponse' },
    error: { tap: 'batchedResponse' },
  },
};

const acknowledgment: PathNode = {
  children: {
    notifications: {
      children: Object.fromEntries(
        changingLists.map((list) => [listChangedTap(list), { tap: listChangedTap(list) }]),
      ),
    },
  },
};

const method: PathNode = { children: { method: { tap: 'method' } } };

/** Both trees in one; of what both say of one place the first counts. */
function merge(a: PathNode, b: PathNode): PathNode {
  const children: Record<string, PathNode> = { ...b.children };
  for (const [key, node] of Object.entries(a.children ?? {})) {
    const other = children[key];
    children[key] = other === undefined ? node : merge(node, other);
  }
  const isLeaf = a.children === undefined && b.children === undefined;
  return { ...b, ...a, ...(isLeaf ? {} : { children }) };
}

function makePlaces({ seals, lists: listed, updates, acknowledgment: acks }: AnswerContent) {
  let places = seals ? sealedPlaces : plainPlaces;
  if (listed !== 'none') {
    const result = listed === 'plain' ? listedResult : cacheableResult;
    const message: PathNode = { children: { result } };
    places = merge(places, { children: { result, '*': message } });
  }
  if (updates) {
    const message: PathNode = { children: { params: updatedResource, '*': batchedUpdate } };
    places = merge(places, merge(message, method));
  }
  if (acks) places = merge(places, merge({ children: { params: acknowledgment } }, method));
  return places;
}

const made = new Map<string, PathNode>();

/** Places read in an answer, made once for each kind of it. */
export function answerPlaces(content: AnswerContent): PathNode {
  const { seals, lists: listed, updates, acknowledgment: acks } = content;
  const key = `${seals} ${listed} ${updates} ${acks}`;
  const known = made.get(key);
  if (known !== undefined) return known;
  const places = makePlaces(content);
  made.set(key, places);
  return places;
}
