import type { Principal } from '../identity/principal.ts';
import type { ApiKeyEntry, Snapshot } from '../snapshot/snapshot.ts';
import type { Accepted } from './accept.ts';
import { insufficientScopeHeaders, unauthorizedHeaders } from './challenge.ts';
import { decideCall, listeningDenial } from './decide-call.ts';
import type { Admitted } from './limit.ts';
import { type LocalReply, localReply } from './local-reply.ts';
import { missingScopes } from './scope-check.ts';
import {
  type CallTarget,
  credentialRefusal,
  currentScopes,
  currentTarget,
  type Present,
  targetRefusal,
} from './standing.ts';

/** A call whose answer is not over. */
export interface OpenCall {
  readonly call: Admitted;
  /** It may not go on: nothing of the upstream's reaches its client any more. */
  withdraw(reply: LocalReply): void;
}

/** The open calls of one credential. */
interface Holder {
  readonly principal: Principal;
  /** The key that it holds by, and scopes that all its calls are covered by. */
  key: ApiKeyEntry | undefined;
  scopes: readonly string[];
  /** By server id. */
  readonly calls: Map<string, Set<OpenCall>>;
}

/** By the id of an API key; a token by itself, for an id that an issuer gives may come twice. */
type HolderName = string | Principal;

function holderName(principal: Principal): HolderName {
  return principal.token === undefined ? principal.credentialId : principal;
}

/** The API key that a principal is one by; none for a token. */
function keyOf(principal: Principal, snapshot: Snapshot): ApiKeyEntry | undefined {
  return principal.token === undefined ? snapshot.apiKey(principal.credentialId) : undefined;
}

/** So many calls are ended, and so many subscriptions asked about, before others get their turn. */
const withdrawnPerTurn = 100;
const listeningPerTurn = 100;

/** How late a subscription ends that a policy allowed until a time of day only. */
const listeningRecheckMs = 30_000;

function isListening({ call }: OpenCall): boolean {
  const [message] = call.permit.routed.decoded.messages;
  return message?.kind === 'request' && message.method === 'subscriptions/listen';
}

function refused(accepted: Accepted, reply: LocalReply): LocalReply {
  const isCredential =
    reply.reason === 'credential_revoked' || reply.reason === 'credential_expired';
  return isCredential
    ? localReply(reply.reason, { headers: unauthorizedHeaders(accepted, true) })
    : reply;
}

/**
 * Calls in progress, by credential, so that they end when it does. A new snapshot is compared with each
 * credential and server that have open calls; how many calls these have counts only when they end.
 *
 * Policies decide a call once, before it is sent: one that goes on was allowed by one set as a whole. Subscriptions
 * alone outlast that, and are asked about again. A GET stream is what its session is made of, which no policy is
 * asked about; what it tells is looked at event by event.
 */
export class OpenCalls {
  readonly #present: () => Present | undefined;
  readonly #onFailure: (error: unknown) => void;
  readonly #holders = new Map<HolderName, Holder>();
  #withdrawn: (() => void)[] = [];
  readonly #listening = new Set<OpenCall>();
  /** Subscriptions that are still to be asked about. */
  #toAsk: Iterator<OpenCall> | undefined;
  #asked: { readonly snapshot: Snapshot; readonly nowMs: number } | undefined;

  constructor(present: () => Present | undefined, onFailure: (error: unknown) => void) {
    this.#present = present;
    this.#onFailure = onFailure;
  }

  /**
   * Registers a call that is about to be sent.
   * @returns why it may not be sent, when what decided it has changed since it was accepted.
   */
  add(open: OpenCall): LocalReply | undefined {
    const { identified } = open.call.permit.routed.decoded;
    const { accepted, principal } = identified;
    const { server } = open.call.permit.routed;
    const present = this.#present();
    if (present !== undefined && present.snapshot !== accepted.snapshot) {
      const refusal = this.#refusal(open.call, present);
      if (refusal !== undefined) return refused(accepted, refusal);
    }
    if (isListening(open)) this.#listening.add(open);
    const name = holderName(principal);
    let holder = this.#holders.get(name);
    if (holder === undefined) {
      const snapshot = present?.snapshot ?? accepted.snapshot;
      const key = keyOf(principal, snapshot);
      const scopes = currentScopes(principal, snapshot);
      holder = { principal, key, scopes, calls: new Map() };
      this.#holders.set(name, holder);
    }
    const calls = holder.calls.get(server.id);
    if (calls === undefined) holder.calls.set(server.id, new Set([open]));
    else calls.add(open);
    return undefined;
  }

  /** The call is over; also of one that was not added, or is gone already. */
  delete(open: OpenCall): void {
    this.#listening.delete(open);
    const { server, decoded } = open.call.permit.routed;
    const { principal } = decoded.identified;
    const name = holderName(principal);
    const holder = this.#holders.get(name);
    const calls = holder?.calls.get(server.id);
    if (holder === undefined || calls?.delete(open) !== true || calls.size > 0) return;
    holder.calls.delete(server.id);
    if (holder.calls.size === 0) this.#holders.delete(name);
  }

  /** Ends what may no longer go on. To be called at each new snapshot, and now and then, for time passes. */
  recheck(): void {
    const present = this.#present();
    if (present === undefined) return;
    for (const holder of this.#holders.values()) this.#recheckHolder(holder, present);
    this.#withdrawSome();
    this.#recheckListening(present);
  }

  /** The same questions for one call whose snapshot is no longer the current one. */
  #refusal(call: Admitted, present: Present): LocalReply | undefined {
    const { routed } = call.permit;
    const { accepted, principal } = routed.decoded.identified;
    const key = keyOf(principal, accepted.snapshot);
    const reason = credentialRefusal(principal, key, present);
    if (reason !== undefined) return localReply(reason);
    const target = currentTarget(routed, present.snapshot);
    if (target === undefined) return localReply('server_not_found');
    return (
      targetRefusal(target, present) ??
      this.#scopeRefusal(call, currentScopes(principal, present.snapshot)) ??
      this.#policyRefusal(call, target, present)
    );
  }

  /** Decides the whole call again: what one set allowed the next may deny. */
  #policyRefusal(call: Admitted, target: CallTarget, present: Present): LocalReply | undefined {
    const { routed } = call.permit;
    const { snapshot, nowMs } = present;
    const decided = decideCall(routed, { target, snapshot, nowMs });
    if (decided.refusal !== undefined) routed.decoded.identified.accepted.facts.decided = decided;
    return decided.refusal;
  }

  #recheckListening({ snapshot, nowMs }: Present): void {
    const asked = this.#asked;
    const isRecent = asked !== undefined && nowMs - asked.nowMs < listeningRecheckMs;
    if (isRecent && asked.snapshot === snapshot) return;
    this.#asked = { snapshot, nowMs };
    const isAsking = this.#toAsk !== undefined;
    this.#toAsk = this.#listening.values();
    if (!isAsking) this.#askSome();
  }

  /** Each by the snapshot that is in force when its turn comes. */
  #askSome(): void {
    const present = this.#present();
    for (let count = 0; present !== undefined && count < listeningPerTurn; count += 1) {
      const next = this.#toAsk?.next();
      if (next === undefined || next.done === true) {
        this.#toAsk = undefined;
        break;
      }
      this.#askListening(next.value, present);
    }
    if (present === undefined) this.#toAsk = undefined;
    this.#withdrawSome();
    if (this.#toAsk !== undefined) setImmediate(() => this.#askSome());
  }

  #askListening(open: OpenCall, present: Present): void {
    let reply: LocalReply | undefined;
    try {
      reply = this.#listeningRefusal(open, present);
    } catch (error) {
      // What can't be decided doesn't go on, and the others are asked all the same.
      this.#onFailure(error);
      reply = localReply('internal_error');
    }
    if (reply === undefined) return;
    const why = reply;
    this.#withdrawn.push(() => open.withdraw(why));
  }

  #listeningRefusal({ call }: OpenCall, { snapshot, nowMs }: Present): LocalReply | undefined {
    const { routed } = call.permit;
    const target = currentTarget(routed, snapshot);
    const denial = target && listeningDenial(routed, { target, snapshot, nowMs });
    if (denial !== undefined) routed.decoded.identified.accepted.facts.decided = denial;
    return denial?.refusal;
  }

  #recheckHolder(holder: Holder, present: Present): void {
    const { principal } = holder;
    const reason = credentialRefusal(principal, holder.key, present);
    const scopes = currentScopes(principal, present.snapshot);
    for (const calls of holder.calls.values()) {
      if (reason !== undefined) this.#end(calls, () => localReply(reason));
      else this.#recheckServer(calls, present, scopes === holder.scopes ? undefined : scopes);
    }
    holder.scopes = scopes;
    holder.key = keyOf(principal, present.snapshot);
  }

  /** @param newScopes undefined: they are what they were. */
  #recheckServer(
    calls: ReadonlySet<OpenCall>,
    present: Present,
    newScopes: readonly string[] | undefined,
  ): void {
    const [first] = calls;
    if (first === undefined) return;
    const target = currentTarget(first.call.permit.routed, present.snapshot);
    const refusal =
      target === undefined ? localReply('server_not_found') : targetRefusal(target, present);
    if (refusal !== undefined) this.#end(calls, () => refusal);
    else if (newScopes !== undefined) {
      this.#end(calls, (call) => this.#scopeRefusal(call, newScopes));
    }
  }

  #scopeRefusal({ permit }: Admitted, scopes: readonly string[]): LocalReply | undefined {
    const { server, decoded } = permit.routed;
    const { messages } = decoded;
    const { taskTool } = decoded.identified.accepted.facts;
    const missing = missingScopes({ server: server.slug, messages, taskTool }, scopes);
    if (missing === undefined) return undefined;
    const headers = insufficientScopeHeaders(decoded.identified.accepted, missing);
    return localReply('scope_insufficient', { headers });
  }

  #end(calls: ReadonlySet<OpenCall>, why: (call: Admitted) => LocalReply | undefined): void {
    for (const open of calls) {
      const reply = why(open.call);
      if (reply === undefined) continue;
      const { accepted } = open.call.permit.routed.decoded.identified;
      this.#withdrawn.push(() => open.withdraw(refused(accepted, reply)));
    }
  }

  #withdrawSome(): void {
    const some = this.#withdrawn.splice(0, withdrawnPerTurn);
    for (const withdraw of some) {
      try {
        withdraw();
      } catch (error) {
        // The others have to end all the same.
        this.#onFailure(error);
      }
    }
    if (this.#withdrawn.length > 0) setImmediate(() => this.#withdrawSome());
  }
}
