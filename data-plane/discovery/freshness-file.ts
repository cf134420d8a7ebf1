import type { Logger } from '../../common/logging.ts';
import { readSealedFile, writeSealedFile } from '../snapshot/sealed-file.ts';
import type { WitnessedTime } from './witnessed-time.ts';

/** When a node last knew that what it held was current. */
export interface Freshness {
  readonly epoch: string;
  /** The cache must hold this revision or a later one, or it is older than this says. */
  readonly revision: number;
  readonly currentAt: WitnessedTime;
}

export interface FreshnessFileOptions {
  readonly file: string;
  /** Text of the node's credential file, as for the disk cache. */
  readonly secret: () => string;
  readonly logger: Logger;
}

const fileBytesMax = 4096;

async function* oneBlock(freshness: Freshness): AsyncGenerator<Buffer> {
  yield Buffer.from(JSON.stringify({ format: 1, ...freshness }));
}

function isFreshness(value: Partial<Freshness & { format: number }>): value is Freshness {
  const { format, epoch, revision, currentAt } = value;
  return (
    format === 1 &&
    typeof epoch === 'string' &&
    Number.isSafeInteger(revision) &&
    Number.isFinite(currentAt?.wallMs) &&
    Number.isFinite(currentAt?.uptimeMs) &&
    typeof currentAt?.bootId === 'string'
  );
}

/** Reads it; undefined when there is none that can be used: then the age of a cache is not known. */
export async function readFreshness(options: FreshnessFileOptions): Promise<Freshness | undefined> {
  try {
    const blocks: Buffer[] = [];
    for await (const block of readSealedFile(options.file, options.secret(), fileBytesMax)) {
      blocks.push(block);
    }
    const value: Partial<Freshness & { format: number }> = JSON.parse(
      Buffer.concat(blocks).toString(),
    );
    return isFreshness(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Writes it, sealed as the disk cache is, in a file of its own: a second ticks more often than a
 * configuration changes.
 */
export async function writeFreshness(
  options: FreshnessFileOptions,
  freshness: Freshness,
): Promise<void> {
  const { file, secret, logger } = options;
  try {
    await writeSealedFile(file, secret(), oneBlock(freshness), fileBytesMax);
  } catch (error) {
    logger.warn({ file, err: error }, 'the age of the configuration could not be kept');
  }
}
