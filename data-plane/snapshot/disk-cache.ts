import { setImmediate as nextTurn } from 'node:timers/promises';
import { contracts } from '../../common/contracts.ts';
import type { Logger } from '../../common/logging.ts';
import { checkResource, type ReceivedResource, receivedResource } from './held-resource.ts';
import { inTurns } from './in-turns.ts';
import { ResourceState, type ResourceStateEditor } from './resource-state.ts';
import { readSealedFile, SealedFileError, writeSealedFile } from './sealed-file.ts';

export interface DiskCacheOptions {
  /** Path of the cache file; its folder exists. */
  readonly file: string;
  /** Text of the node's credential file, of which the key is derived (HKDF); read at each use, for it rotates. */
  readonly secret: () => string;
  /** This build, as the node announces it. */
  readonly build: string;
  /** Least time between two writes. Writing also takes at most a twentieth of the time. */
  readonly writeIntervalMs: number;
  /** A state that takes more isn't cached. */
  readonly fileBytesMax: number;
  readonly logger: Logger;
  /** Monotonic clock, in milliseconds. */
  readonly now: () => number;
}

interface CacheHead {
  readonly format: 1;
  readonly build: string;
  readonly epoch: string;
  readonly revision: number;
}

/** Plain bytes of a block: sealing one doesn't hold up calls for more than some milliseconds. */
const blockBytes = 64 * 1024;

async function* blocksOf(state: ResourceState, build: string): AsyncGenerator<Buffer> {
  const head: CacheHead = { format: 1, build, epoch: state.epoch, revision: state.revision };
  yield Buffer.from(JSON.stringify(head));
  let parts: Buffer[] = [];
  let bytes = 0;
  for (const resource of state.received()) {
    const encoded = contracts.discovery.Resource.serialize({
      ...resource,
      scope: { ...resource.scope, serverIds: [...resource.scope.serverIds] },
    });
    const length = Buffer.alloc(4);
    length.writeUInt32BE(encoded.length);
    parts.push(length, encoded);
    bytes += length.length + encoded.length;
    if (bytes < blockBytes) continue;
    yield Buffer.concat(parts);
    parts = [];
    bytes = 0;
    await nextTurn();
  }
  if (parts.length > 0) yield Buffer.concat(parts);
}

function* resourcesOf(block: Buffer): Generator<ReceivedResource> {
  let offset = 0;
  while (offset < block.length) {
    const end = offset + 4 + block.readUInt32BE(offset);
    yield receivedResource(
      contracts.discovery.Resource.deserialize(block.subarray(offset + 4, end)),
    );
    offset = end;
  }
}

function parseHead(block: Buffer): CacheHead {
  const head = JSON.parse(block.toString()) as Partial<CacheHead>;
  const { format, build, epoch, revision } = head;
  if (format !== 1 || build === undefined || epoch === undefined || revision === undefined) {
    throw new SealedFileError('foreign', 'The cache is of another format.');
  }
  return { format, build, epoch, revision };
}

function* putting(editor: ResourceStateEditor, block: Buffer): Generator<void, void> {
  for (const resource of resourcesOf(block)) {
    editor.put(checkResource(resource));
    yield;
  }
}

async function load(options: DiskCacheOptions): Promise<ResourceState> {
  const editor = ResourceState.empty().edit();
  let head: CacheHead | undefined;
  for await (const block of readSealedFile(options.file, options.secret(), options.fileBytesMax)) {
    if (head === undefined) {
      head = parseHead(block);
      continue;
    }
    await inTurns(putting(editor, block));
  }
  if (head === undefined) throw new SealedFileError('corrupt', 'The cache has no head.');
  // Another build may be able to use what the one before refused, so it asks for that again.
  if (head.build !== options.build) editor.withdrawRefused();
  return inTurns(editor.finishing(head.epoch, head.revision));
}

/**
 * Reads the last good state, or undefined when there is none that can be used: a damaged or foreign
 * cache costs a full sync, never the start.
 */
export async function readDiskCache(options: DiskCacheOptions): Promise<ResourceState | undefined> {
  const { file, logger } = options;
  try {
    return await load(options);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    const problem = error instanceof SealedFileError ? error.problem : 'unreadable';
    logger.warn({ file, problem, err: error }, 'the cached configuration is ignored');
    return undefined;
  }
}

/** Writes states to disk behind the calls' back: the latest wins, and writes are spaced. */
export class DiskCache {
  readonly #options: DiskCacheOptions;
  #pending: ResourceState | undefined;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #notBefore = 0;
  #writtenRevision: number | undefined;

  constructor(options: DiskCacheOptions) {
    this.#options = options;
  }

  /** Revision of the last state that reached the disk in this process. */
  get writtenRevision(): number | undefined {
    return this.#writtenRevision;
  }

  /** Has `state` written once its turn comes, unless a later one is scheduled before. */
  schedule(state: ResourceState): void {
    this.#pending = state;
    if (this.#timer !== undefined || this.#writing !== undefined) return;
    const waitMs = Math.max(0, this.#notBefore - this.#options.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#writePending();
    }, waitMs);
  }

  /** Resolves once everything scheduled so far has been written, or could not be. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#writePending();
  }

  async #writePending(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    const state = this.#pending;
    if (state === undefined) return;
    this.#pending = undefined;
    this.#writing = this.#write(state).finally(() => {
      this.#writing = undefined;
    });
    await this.#writing;
    if (this.#pending !== undefined) this.schedule(this.#pending);
  }

  async #write(state: ResourceState): Promise<void> {
    const { file, secret, build, fileBytesMax, writeIntervalMs, logger, now } = this.#options;
    const startedAt = now();
    try {
      await writeSealedFile(file, secret(), blocksOf(state, build), fileBytesMax);
      this.#writtenRevision = state.revision;
    } catch (error) {
      logger.warn({ file, err: error }, 'the configuration could not be cached');
    }
    this.#notBefore = startedAt + Math.max(writeIntervalMs, 20 * (now() - startedAt));
  }
}
