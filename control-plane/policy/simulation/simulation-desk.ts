import type { Outcome } from '../../input/violation.ts';
import type { Store } from '../../store/store.ts';
import {
  prepareSimulation,
  type SimulationBounds,
  type SimulationEvent,
  type SimulationReport,
  type SimulationRequest,
  simulate,
} from './simulate.ts';

/** As many simulations run on this replica as may. */
export class SimulationsExhausted extends Error {
  override readonly name = 'SimulationsExhausted';
}

export interface SimulationDeskOptions {
  readonly store: Store;
  readonly bounds: SimulationBounds;
  /** Simulations that run at the same time. */
  readonly concurrencyMax: number;
}

/** Runs simulations, a few at a time: each takes a part of this replica's processor. */
export class SimulationDesk {
  readonly #options: SimulationDeskOptions;
  #running = 0;

  constructor(options: SimulationDeskOptions) {
    this.#options = options;
  }

  get running(): number {
    return this.#running;
  }

  /**
   * Runs a simulation to its report.
   * @throws {SimulationsExhausted}
   */
  async report(request: SimulationRequest): Promise<Outcome<SimulationReport>> {
    const begun = await this.begin(request);
    if (!begun.ok) return begun;
    for await (const event of begun.value) {
      if (event.kind === 'report') return { ok: true, value: event.report };
    }
    throw new Error('A simulation ended without a report.');
  }

  /**
   * Begins a simulation; its place is free again once its events end, or are no longer wanted.
   * @throws {SimulationsExhausted}
   */
  async begin(request: SimulationRequest): Promise<Outcome<AsyncGenerator<SimulationEvent>>> {
    const { store, bounds, concurrencyMax } = this.#options;
    if (this.#running >= concurrencyMax) throw new SimulationsExhausted();
    this.#running += 1;
    let isOpen = true;
    const release = () => {
      if (isOpen) this.#running -= 1;
      isOpen = false;
    };
    try {
      const prepared = await prepareSimulation(store, request);
      if (!prepared.ok) {
        release();
        return prepared;
      }
      const events = simulate(store, request, prepared.value, bounds);
      return { ok: true, value: releasing(events, release) };
    } catch (error) {
      release();
      throw error;
    }
  }
}

/** The same events; `release` is called at their end, also when they were never begun. */
function releasing<T>(
  events: AsyncGenerator<T, void, void>,
  release: () => void,
): AsyncGenerator<T, void, void> {
  return {
    next: async () => {
      try {
        const result = await events.next();
        if (result.done === true) release();
        return result;
      } catch (error) {
        release();
        throw error;
      }
    },
    return: async (value) => {
      // At once: what the generator waits for may take a moment.
      release();
      return events.return(value);
    },
    throw: async (error) => {
      release();
      return events.throw(error);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
    async [Symbol.asyncDispose]() {
      await this.return();
    },
  };
}
