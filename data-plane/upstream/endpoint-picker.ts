import type { EndpointEntry, ServerEntry } from '../snapshot/snapshot.ts';

/**
 * Chooses the endpoint of a call that no session binds. Smooth weighted round robin: with the weights
 * 5, 1, 1 the order is a a b a c a a, so that a heavy endpoint gets its share without bursts, and with
 * the same calls always the same choice. A weight of 0 takes an endpoint out of the choice; sessions
 * that began on it go on.
 */
export class EndpointPicker {
  /** A number for each endpoint; what a server's change replaces begins anew and is forgotten with its entry. */
  readonly #credits = new WeakMap<ServerEntry, number[]>();

  /**
   * The next endpoint, or undefined when none is left.
   *
   * @param except endpoints that failed this call already.
   */
  pick(server: ServerEntry, except?: ReadonlySet<string>): EndpointEntry | undefined {
    const { endpoints } = server;
    const [only] = endpoints;
    if (endpoints.length === 1 && only !== undefined) {
      return only.weight > 0 && except?.has(only.id) !== true ? only : undefined;
    }
    return this.#next(server, except);
  }

  /** The endpoint that a session began on, or undefined when the server has it no more. */
  find(server: ServerEntry, endpointId: string): EndpointEntry | undefined {
    return server.endpoints.find((endpoint) => endpoint.id === endpointId);
  }

  #next(server: ServerEntry, except?: ReadonlySet<string>): EndpointEntry | undefined {
    const credits = this.#creditsOf(server);
    let total = 0;
    let best = -1;
    let bestCredit = 0;
    server.endpoints.forEach((endpoint, index) => {
      if (endpoint.weight <= 0 || except?.has(endpoint.id) === true) return;
      total += endpoint.weight;
      const credit = (credits[index] ?? 0) + endpoint.weight;
      credits[index] = credit;
      if (best < 0 || credit > bestCredit) {
        best = index;
        bestCredit = credit;
      }
    });
    if (best < 0) return undefined;
    credits[best] = bestCredit - total;
    return server.endpoints[best];
  }

  #creditsOf(server: ServerEntry): number[] {
    let credits = this.#credits.get(server);
    if (credits === undefined) {
      credits = server.endpoints.map(() => 0);
      this.#credits.set(server, credits);
    }
    return credits;
  }
}
