import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from '../../common/logging.ts';
import type { MasterKeyRing } from '../store/master-key-ring.ts';
import type { Store } from '../store/store.ts';
import { type ClaimedServer, sourceOf } from './claimed-server.ts';
import {
  type FetchedDefinitions,
  type FetchOptions,
  type FetchOutcome,
  fetchDefinitions,
} from './fetch-definitions.ts';
import { definitionBounds, type LeftOut } from './offered-definition.ts';
import { saveDefinitions } from './save-definitions.ts';

/** Time between two looks at what a server offers, in milliseconds. */
export const definitionsRefreshIntervalMsDefault = 60 * 60_000;

export interface DefinitionRefreshDependencies extends FetchOptions {
  readonly store: Store;
  readonly masterKeys: MasterKeyRing;
  readonly logger: Logger;
  /** Time between two looks at a server, give or take a tenth. */
  readonly intervalMs: number;
  /** 0 to 1. */
  readonly random: () => number;
}

/** `superseded`: the server was changed meanwhile, or the worker is stopped: it is to be asked again at once. */
export type RefreshResult = 'changed' | 'unchanged' | 'failed' | 'superseded' | 'gone';

const firstRetryMs = 5000;
const textLengthMax = 400;

const unusable: FetchOutcome = {
  ok: false,
  error: 'The server has no endpoint, or its credential can’t be opened.',
};

const leftOutTexts: Readonly<Record<LeftOut, (count: number) => string>> = {
  too_many: (count) =>
    `${count} beyond ${definitionBounds.definitionsMax} definitions or ${definitionBounds.bytesMax / 1024 / 1024} MB`,
  too_large: (count) =>
    `${count} larger than ${definitionBounds.definitionBytesMax / 1024} KB or nested too deep`,
  named_twice: (count) => `${count} with a name that came before`,
  not_a_definition: (count) => `${count} without a usable name`,
};

/** What is missing of what was fetched, for people; null: nothing. */
function shortcomings({ leftOut, problems }: FetchedDefinitions): string | null {
  const left = [...leftOut].map(([reason, count]) => leftOutTexts[reason](count));
  const sentences = [...problems, ...(left.length === 0 ? [] : [`Left out: ${left.join('; ')}.`])];
  return sentences.length === 0 ? null : sentences.join(' ').slice(0, textLengthMax);
}

function jittered(delayMs: number, { random }: DefinitionRefreshDependencies): number {
  return Math.round(delayMs * (0.9 + 0.2 * random()));
}

/** Locks the row; undefined when the server is gone. */
async function lockServer(
  em: EntityManager,
  { organizationId, id }: ClaimedServer,
): Promise<{ readonly version: number } | undefined> {
  const [row] = await em.execute<{ version: number }[]>(
    'select version from mcp_servers where organization_id = ? and id = ? for no key update',
    [organizationId, id],
  );
  return row;
}

/** Gives the server back. Whoever moved its next time while it was being asked is heeded. */
async function release(
  em: EntityManager,
  { organizationId, id }: ClaimedServer,
  changes: { readonly set: string; readonly values: readonly unknown[] },
  delayMs: number,
): Promise<void> {
  await em.execute(
    `update mcp_servers set ${changes.set}, definitions_claimed_until = null,
       next_definitions_fetch_at = case
         when next_definitions_fetch_at < definitions_claimed_until
         then next_definitions_fetch_at else now() + ? * interval '1 millisecond' end
     where organization_id = ? and id = ?`,
    [...changes.values, delayMs, organizationId, id],
  );
}

async function save(
  server: ClaimedServer,
  outcome: FetchOutcome,
  deps: DefinitionRefreshDependencies,
): Promise<RefreshResult> {
  return deps.store.withSystem(async (em) => {
    const locked = await lockServer(em, server);
    if (locked === undefined) return 'gone';
    if (locked.version !== server.version || deps.stop?.aborted) {
      await release(em, server, { set: 'definitions_failures = 0', values: [] }, 0);
      return 'superseded';
    }
    if (!outcome.ok) {
      const backOffMs = firstRetryMs * 2 ** Math.min(server.failures, 20);
      const set = `definitions_failed_at = now(), definitions_error = ?,
        definitions_failures = least(definitions_failures + 1, 1000000)`;
      const delayMs = jittered(Math.min(backOffMs, deps.intervalMs), deps);
      await release(em, server, { set, values: [outcome.error] }, delayMs);
      return 'failed';
    }
    const changed = await saveDefinitions(em, server, outcome.fetched);
    const set = `definitions_fetched_at = now(), definitions_failed_at = null,
      definitions_error = ?, definitions_failures = 0`;
    const values = [shortcomings(outcome.fetched)];
    await release(em, server, { set, values }, jittered(deps.intervalMs, deps));
    return changed ? 'changed' : 'unchanged';
  });
}

/**
 * Asks a claimed server what it offers, and writes that down. When it fails, what was known stays. No
 * transaction is open while the server takes its time.
 */
export async function refreshServer(
  server: ClaimedServer,
  deps: DefinitionRefreshDependencies,
): Promise<RefreshResult> {
  const source = sourceOf(server, deps.masterKeys, deps.logger);
  const outcome = source === undefined ? unusable : await fetchDefinitions(source, deps);
  return save(server, outcome, deps);
}
