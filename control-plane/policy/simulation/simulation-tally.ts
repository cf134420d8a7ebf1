import type { Decision } from '../../../common/policy/decision.ts';
import type { Policy } from '../../../common/policy/policy.ts';
import type { PolicyBasis } from '../policy-basis.ts';
import type { RecordedCall } from './recorded-calls.ts';
import { type ChangedReplay, type Replay, type UnknownCause, wasAllowed } from './replay-call.ts';

/** Calls that a draft would decide otherwise, or of which nobody can say. */
export interface ChangeCounts {
  newlyDenied: number;
  newlyAllowed: number;
  unknown: number;
}

/** How many calls came to what, so far. */
export interface SimulationTotals extends ChangeCounts {
  /** Records that were read. */
  calls: number;
  unchanged: number;
  /** Refused by something else than policies. */
  undecided: number;
  /** Decided otherwise by the policies as they are now than when they were made. */
  changedSince: number;
}

export interface CountedPolicy extends ChangeCounts {
  /** Undefined: the organization's default. */
  readonly policy: Policy | undefined;
}

export interface CountedTool extends ChangeCounts {
  readonly serverId: string | null;
  readonly server: string;
  readonly method: string;
  readonly target: string;
}

export interface CountedPrincipal extends ChangeCounts {
  readonly subject: string;
}

/** A call as an example of what changes. */
export interface SimulationSample {
  readonly change: 'newly_denied' | 'newly_allowed' | 'unknown';
  readonly record: RecordedCall;
  readonly server: string;
  readonly before: Decision | undefined;
  readonly after: Decision | undefined;
  readonly unknown: UnknownCause | undefined;
}

/** Rows of one table of a report. */
const topMax = 20;
/** Different things that one table counts; further ones only count in the totals. */
const keysMax = 10_000;

const changes = {
  newly_denied: 'newlyDenied',
  newly_allowed: 'newlyAllowed',
  unknown: 'unknown',
} as const;

/** Counts changes by something, bounded. */
class ChangeTable<Row extends ChangeCounts> {
  readonly #rows = new Map<string, Row>();

  add(key: string, change: keyof typeof changes, make: () => Row): void {
    let row = this.#rows.get(key);
    if (row === undefined) {
      if (this.#rows.size >= keysMax) return;
      row = make();
      this.#rows.set(key, row);
    }
    row[changes[change]] += 1;
  }

  /** Those with the most changes; what is merely unknown comes after. */
  top(): Row[] {
    const weight = ({ newlyDenied, newlyAllowed }: ChangeCounts) => newlyDenied + newlyAllowed;
    return [...this.#rows.values()]
      .sort((a, b) => weight(b) - weight(a) || b.unknown - a.unknown)
      .slice(0, topMax);
  }
}

const noChanges: ChangeCounts = { newlyDenied: 0, newlyAllowed: 0, unknown: 0 };

/**
 * The policy that a change is due to: what denies now, and of a call that is newly allowed what allows it, or
 * else what denied it before.
 */
function responsible(before: Decision, after: Decision): Policy | undefined {
  return after.allowed ? (after.policy ?? before.policy) : after.policy;
}

/** Counts what a draft makes of calls, with a bound on everything that it holds. */
export class SimulationTally {
  readonly totals: SimulationTotals = {
    ...noChanges,
    ...{ calls: 0, unchanged: 0, undecided: 0, changedSince: 0 },
  };
  readonly #basis: PolicyBasis;
  readonly #samplesMax: number;
  readonly #policies = new ChangeTable<CountedPolicy>();
  readonly #tools = new ChangeTable<CountedTool>();
  readonly #principals = new ChangeTable<CountedPrincipal>();
  readonly #samples: Record<keyof typeof changes, SimulationSample[]> = {
    newly_denied: [],
    newly_allowed: [],
    unknown: [],
  };

  /** @param samplesMax of each kind of change. */
  constructor(basis: PolicyBasis, samplesMax: number) {
    this.#basis = basis;
    this.#samplesMax = samplesMax;
  }

  add(record: RecordedCall, replay: Replay): void {
    const { totals } = this;
    totals.calls += 1;
    if (replay.kind === 'undecided') {
      totals.undecided += 1;
      return;
    }
    if (replay.kind !== 'unknown') this.#compareWithThen(record, replay.before);
    if (replay.kind === 'unchanged') {
      totals.unchanged += 1;
      return;
    }
    totals[changes[replay.kind]] += 1;
    this.#count(record, replay);
    this.#sample(record, replay);
  }

  get byPolicy(): CountedPolicy[] {
    return this.#policies.top();
  }

  get byTool(): CountedTool[] {
    return this.#tools.top();
  }

  get byPrincipal(): CountedPrincipal[] {
    return this.#principals.top();
  }

  get samples(): SimulationSample[] {
    return Object.values(this.#samples).flat();
  }

  #compareWithThen(record: RecordedCall, before: Decision): void {
    const isSure = !before.argumentsMissing && before.cause !== 'implicit';
    if (isSure && before.allowed !== wasAllowed(record)) this.totals.changedSince += 1;
  }

  #serverOf({ serverId }: RecordedCall): string {
    return this.#basis.serversById.get(serverId ?? '')?.slug ?? '';
  }

  #count(record: RecordedCall, replay: ChangedReplay): void {
    const { kind } = replay;
    const { serverId, method, target, subject } = record;
    if (replay.kind !== 'unknown') {
      const policy = responsible(replay.before, replay.after);
      const key = `${policy?.id}/${policy?.revision}`;
      this.#policies.add(key, kind, () => ({ policy, ...noChanges }));
    }
    this.#tools.add(JSON.stringify([serverId, method, target]), kind, () => ({
      ...{ serverId, server: this.#serverOf(record), method, target },
      ...noChanges,
    }));
    this.#principals.add(subject, kind, () => ({ subject, ...noChanges }));
  }

  #sample(record: RecordedCall, replay: ChangedReplay): void {
    const kept = this.#samples[replay.kind];
    if (kept.length >= this.#samplesMax) return;
    const server = this.#serverOf(record);
    // Its arguments are of no use to the report, and may be long.
    const sampled = { change: replay.kind, record: { ...record, args: null }, server };
    if (replay.kind === 'unknown') {
      kept.push({ ...sampled, before: undefined, after: undefined, unknown: replay.cause });
    } else {
      kept.push({ ...sampled, before: replay.before, after: replay.after, unknown: undefined });
    }
  }
}
