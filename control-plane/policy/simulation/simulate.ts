import type { EntityManager } from '@mikro-orm/postgresql';
import type { Policy } from '../../../common/policy/policy.ts';
import { isUuid } from '../../input/text-rules.ts';
import {
  notFound,
  type Outcome,
  refused,
  type Violation,
  violation,
} from '../../input/violation.ts';
import type { PolicyDefinition } from '../../store/entities/policy-revision.ts';
import type { Store } from '../../store/store.ts';
import { checkPolicy } from '../check-policy.ts';
import { loadPolicyBasis, type PolicyBasis } from '../policy-basis.ts';
import { Turns } from '../turns.ts';
import { compareSets, draftedPolicies, type PolicyDraft, validateDraft } from './draft.ts';
import { type RecordedPeriod, recordedCalls } from './recorded-calls.ts';
import { Replayer } from './replay-call.ts';
import { SimulationTally, type SimulationTotals } from './simulation-tally.ts';

/** What is to be simulated, for which organization. */
export interface SimulationRequest {
  readonly organizationId: string;
  readonly draft: PolicyDraft;
  readonly over: RecordedPeriod;
  /** Examples of each kind of change. */
  readonly samplesMax: number;
}

export interface SimulationBounds {
  /** Calls that one simulation reads; the newest ones. */
  readonly callsMax: number;
  /** Longest that one simulation takes. */
  readonly durationMsMax: number;
  /** Between two events of progress. */
  readonly progressMs: number;
}

/** Why a simulation did not look at all calls of its period. */
export type SimulationCut = 'calls' | 'time';

export interface SimulationProgress {
  readonly totals: SimulationTotals;
  /** Everything that was received after this has been looked at; undefined: nothing yet. */
  readonly reached: Date | undefined;
  readonly elapsedMs: number;
}

export interface SimulationReport extends SimulationProgress {
  readonly cut: SimulationCut | undefined;
  readonly tally: SimulationTally;
}

export type SimulationEvent =
  | { readonly kind: 'progress'; readonly progress: SimulationProgress }
  | { readonly kind: 'report'; readonly report: SimulationReport };

/** Most examples of each kind of change. */
const samplesBound = 100;

function validateRequest({ over, samplesMax, draft }: SimulationRequest): Violation[] {
  const { since, until } = over;
  const isPeriod = since.getTime() < until.getTime();
  return [
    ...(isPeriod ? [] : [violation('over.until', 'OUT_OF_RANGE', 'It is not after `since`.')]),
    ...(samplesMax >= 0 && samplesMax <= samplesBound
      ? []
      : [violation('samples', 'OUT_OF_RANGE', `From 0 to ${samplesBound}.`)]),
    ...validateDraft(draft),
  ];
}

type NamedPolicy = Pick<Policy, 'id' | 'organizationId' | 'position' | 'revision'>;

async function loadNamed(
  em: EntityManager,
  organizationId: string,
  { replace, remove }: PolicyDraft,
): Promise<ReadonlyMap<string, NamedPolicy>> {
  const ids = [...replace.map(({ id }) => id), ...remove].filter(isUuid);
  const rows = await em.execute<NamedPolicy[]>(
    `select id, organization_id as "organizationId", position, revision from policies
     where organization_id = ? and id = any (?::uuid[])`,
    [organizationId, `{${ids.join(',')}}`],
  );
  return new Map(rows.map((row) => [row.id, row]));
}

/** What would keep the draft from being stored. */
async function checkDraft(
  em: EntityManager,
  organizationId: string,
  { add, replace }: PolicyDraft,
): Promise<Violation[]> {
  const found: Violation[] = [];
  const check = async (path: readonly string[], definition: PolicyDefinition) => {
    const { violations } = await checkPolicy(em, organizationId, definition);
    found.push(...violations.map((each) => ({ ...each, path: [...path, ...each.path] })));
  };
  for (const [index, each] of add.entries()) await check(['draft', 'add', String(index)], each);
  for (const [index, each] of replace.entries()) {
    await check(['draft', 'replace', String(index)], each);
  }
  return found;
}

interface Prepared {
  readonly basis: PolicyBasis;
  readonly drafted: readonly Policy[];
}

/** Reads what a simulation rests on, and says what is wrong with its draft. */
export async function prepareSimulation(
  store: Store,
  request: SimulationRequest,
): Promise<Outcome<Prepared>> {
  const { organizationId, draft } = request;
  const violations = validateRequest(request);
  if (violations.length > 0) return { ok: false, violations };
  return store.withOrganization(organizationId, async (em) => {
    const basis = await loadPolicyBasis(em, organizationId);
    if (basis === undefined) return refused(notFound('organizationId', 'organization'));
    const wrong = await checkDraft(em, organizationId, draft);
    if (wrong.length > 0) return { ok: false, violations: wrong };
    const named = await loadNamed(em, organizationId, draft);
    const drafted = draftedPolicies(basis, draft, named, organizationId);
    return drafted.ok ? { ok: true, value: { basis, drafted: drafted.value } } : drafted;
  });
}

/**
 * Decides the recorded calls of a period by an organization's policies as they are and as a draft has them, by
 * the code that nodes decide by: the newest calls first, within bounds on calls, time and memory. Servers' labels
 * and approved definitions are those of now. Whoever stops taking events ends it.
 */
export async function* simulate(
  store: Store,
  request: SimulationRequest,
  { basis, drafted }: Prepared,
  bounds: SimulationBounds,
): AsyncGenerator<SimulationEvent, void, void> {
  const startedMs = performance.now();
  const turns = new Turns();
  const policyDefault = request.draft.policyDefault ?? basis.policyDefault;
  const sets = await compareSets(basis, drafted, policyDefault, turns);
  const replayer = new Replayer(basis, sets);
  const tally = new SimulationTally(basis, request.samplesMax);
  let reached: Date | undefined;
  let cut: SimulationCut | undefined;
  let progressMs = startedMs;
  const progress = (): SimulationProgress => ({
    totals: { ...tally.totals },
    reached,
    elapsedMs: Math.round(performance.now() - startedMs),
  });
  const pages = recordedCalls(store, request.organizationId, request.over, sets.readsArguments);
  for await (const page of pages) {
    for (const record of page) {
      if (tally.totals.calls >= bounds.callsMax) cut = 'calls';
      if (cut !== undefined) break;
      tally.add(record, replayer.replay(record));
      reached = new Date(record.receivedAtMs);
      if (!turns.over) continue;
      await turns.next();
      if (performance.now() - startedMs > bounds.durationMsMax) cut = 'time';
    }
    if (cut !== undefined) break;
    if (performance.now() - progressMs < bounds.progressMs) continue;
    progressMs = performance.now();
    yield { kind: 'progress', progress: progress() };
  }
  yield { kind: 'report', report: { ...progress(), cut, tally } };
}
