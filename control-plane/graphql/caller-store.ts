import { AsyncLocalStorage } from 'node:async_hooks';
import type { Principal } from '../identity/principal.ts';
import type { OperatorAudit } from '../registry/operator-audit.ts';
import type { Store } from '../store/store.ts';
import { ApiError } from './errors.ts';

/** Whoever a store works for. */
interface Caller {
  /** What the request's credential turned out to be. */
  readonly authentication: object;
  principal(): Promise<Pick<Principal, 'actor' | 'isOperator' | 'permissionsIn'>>;
}

/** Filled once the request's credential was read. */
interface CallerHolder {
  caller?: Caller;
}

const holders = new AsyncLocalStorage<CallerHolder>();

/** Runs what one request, or one message of a connection, asks for: the store then works for its caller alone. */
export function forCaller<T>(work: () => T): T {
  return holders.run({}, work);
}

/** Says who the caller of the request in work is. */
export function setCaller(caller: Caller): void {
  const holder = holders.getStore();
  if (holder !== undefined) holder.caller = caller;
}

function caller(): Caller {
  const known = holders.getStore()?.caller;
  // A transport that forgot to say who calls must not reach anything.
  if (known === undefined) throw new ApiError('UNAUTHENTICATED');
  return known;
}

/**
 * The store as requests see it: it opens an organization's rows to who belongs to it and to operators, a
 * person's own rows to that person, and the platform's to operators. Row-level security holds a transaction
 * to the organization that was asked for; this holds the one who asks to their own, so that a resolver
 * that forgets to check, or takes an id from its arguments, still shows nothing of another organization. An
 * operator who is no member gets in, and the organization's audit trail says so.
 *
 * What happens before a caller is known (logging in), and what the server does of its own accord, uses the
 * store below.
 */
export function callerBoundStore(store: Store, operators: Pick<OperatorAudit, 'entered'>): Store {
  const operatorAlone = async () => {
    if (!(await caller().principal()).isOperator) throw new ApiError('FORBIDDEN');
  };
  return {
    ...store,
    withOrganization: async (organizationId, work) => {
      const principal = await caller().principal();
      const id = organizationId.toLowerCase();
      if (principal.permissionsIn(id) === undefined) {
        if (!principal.isOperator) {
          throw new ApiError('NOT_FOUND', 'There is no such organization.');
        }
        await operators.entered(principal.actor, id);
      }
      return store.withOrganization(organizationId, work);
    },
    withUser: async (userId, work) => {
      // Not the principal: it is read by this very call.
      const { authentication } = caller();
      const isOwn = 'userId' in authentication && authentication.userId === userId;
      if (!isOwn) await operatorAlone();
      return store.withUser(userId, work);
    },
    withPlatform: async (work) => {
      await operatorAlone();
      return store.withPlatform(work);
    },
  };
}
