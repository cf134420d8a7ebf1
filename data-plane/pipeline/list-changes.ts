import type { PolicySet } from '../../common/policy/policy-set.ts';
import type { Principal } from '../identity/principal.ts';
import { type ChangingList, changingLists } from '../mcp/changing-list.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { Admitted } from './limit.ts';
import { type CallTarget, currentTarget } from './standing.ts';

/** An open stream on which a client hears of changed lists. */
export interface ListStream {
  readonly call: Admitted;
  /** These lists may be others for the stream's caller now. */
  announce(lists: readonly ChangingList[]): void;
}

/** What decides which items of a server one credential sees. */
interface Outlook {
  /** Undefined: they hide nothing. */
  readonly policies: PolicySet | undefined;
  readonly pins: object | undefined;
  readonly scopes: readonly string[];
  /** What else conditions and subjects go by; nothing where policies hide nothing. */
  readonly roles: readonly string[];
  readonly labels: ReadonlyMap<string, string>;
}

const noRoles: readonly string[] = [];
const noLabels: ReadonlyMap<string, string> = new Map();

/** The streams of one credential at one server. */
interface Audience {
  readonly principal: Principal;
  readonly target: CallTarget;
  outlook: Outlook | undefined;
  readonly streams: Set<ListStream>;
}

/** So many audiences are looked at before others get their turn. */
const audiencesPerTurn = 100;

/** Undefined: the server is gone, and with it the stream. */
function outlookOf(
  { principal, target: before }: Pick<Audience, 'principal' | 'target'>,
  snapshot: Snapshot,
): Outlook | undefined {
  const target = currentTarget(before, snapshot);
  if (target === undefined) return undefined;
  const key = principal.token === undefined ? snapshot.apiKey(principal.credentialId) : undefined;
  const { roles, scopes } = key ?? principal;
  const policies = snapshot.policies(target.organization);
  if (!policies.narrows) {
    return { policies: undefined, pins: undefined, scopes, roles: noRoles, labels: noLabels };
  }
  const pins = snapshot.toolPinMark(target.server.id);
  return { policies, pins, scopes, roles, labels: target.server.labels };
}

type Texts = Iterable<string | readonly string[]>;

/** Mostly it is the very same: what a change leaves alone is shared between snapshots. */
function isSame(a: Texts, b: Texts): boolean {
  return a === b || JSON.stringify([...a]) === JSON.stringify([...b]);
}

/** Lists that may differ between two outlooks. */
function changedLists(before: Outlook | undefined, after: Outlook): readonly ChangingList[] {
  const seesTheSame =
    before !== undefined &&
    before.policies === after.policies &&
    isSame(before.scopes, after.scopes) &&
    isSame(before.roles, after.roles) &&
    isSame(before.labels, after.labels);
  if (!seesTheSame) return changingLists;
  return before.pins === after.pins ? [] : ['tools'];
}

/**
 * Tells open streams that their callers' lists have changed because policies, approved definitions, scopes or
 * roles have: no server does, for it doesn't know. What a snapshot changes is asked of each credential and
 * server with open streams, in turns; a call costs nothing.
 */
export class ListChanges {
  readonly #current: () => Snapshot | undefined;
  readonly #onFailure: (error: unknown) => void;
  readonly #audiences = new Map<string | Principal, Map<string, Audience>>();
  /** What the streams have been told by; undefined: not all by the same. */
  #told: Snapshot | undefined;
  #turns: Iterator<Audience> | undefined;

  constructor(current: () => Snapshot | undefined, onFailure: (error: unknown) => void) {
    this.#current = current;
    this.#onFailure = onFailure;
  }

  add(stream: ListStream): void {
    const { routed } = stream.call.permit;
    const { accepted, principal } = routed.decoded.identified;
    // The id of a token is of its issuer's making, and may come twice.
    const name = principal.token === undefined ? principal.credentialId : principal;
    const servers = this.#audiences.get(name) ?? new Map<string, Audience>();
    this.#audiences.set(name, servers);
    const audience = servers.get(routed.server.id);
    if (audience !== undefined) {
      audience.streams.add(stream);
      return;
    }
    // Nothing of the call itself: others of the audience may outlast it.
    const target = { organization: routed.organization, server: routed.server };
    const outlook = outlookOf({ principal, target }, accepted.snapshot);
    servers.set(routed.server.id, { principal, target, outlook, streams: new Set([stream]) });
    if (accepted.snapshot !== this.#told) this.#told = undefined;
  }

  /** The stream is over; also of one that was not added. */
  delete(stream: ListStream): void {
    const { routed } = stream.call.permit;
    const { principal } = routed.decoded.identified;
    const name = principal.token === undefined ? principal.credentialId : principal;
    const servers = this.#audiences.get(name);
    const audience = servers?.get(routed.server.id);
    if (servers === undefined || audience?.streams.delete(stream) !== true) return;
    if (audience.streams.size > 0) return;
    servers.delete(routed.server.id);
    if (servers.size === 0) this.#audiences.delete(name);
  }

  /** To be called at each new snapshot, and now and then for streams that were opened meanwhile. */
  recheck(): void {
    const snapshot = this.#current();
    if (snapshot === undefined || snapshot === this.#told) return;
    this.#told = snapshot;
    const isOnTurn = this.#turns !== undefined;
    this.#turns = this.#each();
    if (!isOnTurn) this.#tellSome();
  }

  *#each(): Generator<Audience, undefined> {
    for (const servers of this.#audiences.values()) yield* servers.values();
  }

  #tellSome(): void {
    const snapshot = this.#current();
    for (let count = 0; snapshot !== undefined && count < audiencesPerTurn; count += 1) {
      const next = this.#turns?.next();
      if (next === undefined || next.done === true) {
        this.#turns = undefined;
        return;
      }
      this.#tell(next.value, snapshot);
    }
    setImmediate(() => this.#tellSome());
  }

  #tell(audience: Audience, snapshot: Snapshot): void {
    const outlook = outlookOf(audience, snapshot);
    if (outlook === undefined) return;
    const lists = changedLists(audience.outlook, outlook);
    audience.outlook = outlook;
    if (lists.length === 0) return;
    for (const stream of oneForEachSession(audience.streams)) {
      try {
        stream.announce(lists);
      } catch (error) {
        // The others have to hear of it all the same.
        this.#onFailure(error);
      }
    }
  }
}

/**
 * A message goes on one stream of a session and never on a second [2025-11-25/basic/transports]; the latest is the
 * likeliest to have somebody at its end.
 */
function oneForEachSession(streams: ReadonlySet<ListStream>): Iterable<ListStream> {
  const latest = new Map<string | ListStream, ListStream>();
  for (const stream of streams) {
    latest.set(stream.call.permit.routed.session?.state.upstreamSession ?? stream, stream);
  }
  return latest.values();
}
