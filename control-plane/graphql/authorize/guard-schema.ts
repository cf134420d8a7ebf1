import {
  defaultFieldResolver,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
  isNonNullType,
  isObjectType,
} from 'graphql';
import type { Principal } from '../../identity/principal.ts';
import { type OrganizationPermission, operatorPermissions } from '../../identity/roles.ts';
import { isUuid } from '../../input/text-rules.ts';
import type { GraphqlContext } from '../context.ts';
import { ApiError } from '../errors.ts';
import type { PayloadValue } from '../types/user-error.ts';
import { guardedTypes, type Permission, permissions } from './permissions.ts';

/** Whether a caller may use a permission in an organization; `stranger`: not even know that it exists. */
export type Verdict = 'allowed' | 'denied' | 'stranger';

/** Decides by role alone. */
export function judge(
  principal: Pick<Principal, 'isOperator' | 'permissionsIn'>,
  organizationId: string,
  permission: OrganizationPermission,
): Verdict {
  // What is no id names no organization, for an operator too.
  if (!isUuid(organizationId)) return 'stranger';
  const held = principal.permissionsIn(organizationId);
  if (held?.has(permission)) return 'allowed';
  if (principal.isOperator) return operatorPermissions.has(permission) ? 'allowed' : 'denied';
  return held === undefined ? 'stranger' : 'denied';
}

interface ScopedArguments {
  readonly organizationId?: unknown;
  readonly input?: { readonly organizationId?: unknown };
}

/**
 * The organization that a field is about: named by its arguments, or the organization that it belongs to.
 * Undefined: it is about none.
 */
function organizationOf({ type, source, args }: GuardedCall): string | undefined {
  const own = type.name === 'Organization' ? (source as { readonly id?: unknown }).id : undefined;
  const id = own ?? args.organizationId ?? args.input?.organizationId;
  return typeof id === 'string' ? id.toLowerCase() : undefined;
}

/** A field that somebody asks for. */
interface GuardedCall {
  readonly type: GraphQLObjectType;
  readonly field: string;
  readonly permission: Permission;
  readonly source: unknown;
  readonly args: ScopedArguments;
}

/** Decides about a field for a caller who is known. */
function verdictOf(
  principal: Principal,
  permission: Permission,
  organizationId: string | undefined,
): Verdict {
  if (permission === 'public' || permission === 'authenticated') return 'allowed';
  if (permission === 'operator') return principal.isOperator ? 'allowed' : 'denied';
  if (organizationId === undefined) {
    throw new Error(`A field that needs ${permission} names no organization.`);
  }
  return judge(principal, organizationId, permission);
}

/**
 * Whether a caller may use a root field now, by the same table: for what goes on after the field was
 * resolved. @param operation such as `Subscription.serverChanged`.
 */
export function mayUse(
  principal: Principal,
  operation: string,
  organizationId: string | undefined,
): boolean {
  const permission = permissions[operation];
  if (permission === undefined) return false;
  return verdictOf(principal, permission, organizationId?.toLowerCase()) === 'allowed';
}

/** Whether the account might, but the key that it showed may only read. */
function isBeyondScope(principal: Principal, call: GuardedCall, verdict: Verdict): boolean {
  if (principal.kind !== 'service' || !principal.isReadOnly) return false;
  if (call.type.name === 'Mutation') return verdict !== 'stranger';
  const held: ReadonlySet<string> = principal.role.permissions;
  return verdict === 'denied' && held.has(call.permission);
}

/** Writes down that a caller was refused. @param values paths of what the caller may not give. */
async function recordRefusal(
  call: GuardedCall,
  context: GraphqlContext,
  values: readonly string[] = [],
): Promise<void> {
  const principal = await context.principal();
  const organizationId = organizationOf(call);
  await context.services.accessAudit.refused({
    actor: principal.actor,
    operation: `${call.type.name}.${call.field}`,
    permission: call.permission,
    // Anything else is the caller's text, and none of ours to keep.
    organizationId: organizationId !== undefined && isUuid(organizationId) ? organizationId : null,
    isMember: organizationId !== undefined && principal.permissionsIn(organizationId) !== undefined,
    values,
  });
}

/** Where a mutation's payload says that the caller may not give a value. */
function refusedValues(payload: unknown): string[] {
  const { userErrors = [] } = (payload ?? {}) as Partial<PayloadValue>;
  return userErrors.flatMap(({ code, path }) => (code === 'NOT_ALLOWED' ? path.join('.') : []));
}

/**
 * Writes down what a mutation refuses for who calls, beyond the table: a role above the caller's own, or
 * what is for people alone. Resolvers need not remember it.
 */
async function noteRefusals(
  call: GuardedCall,
  context: GraphqlContext,
  run: () => unknown,
): Promise<unknown> {
  try {
    const payload = await run();
    const values = refusedValues(payload);
    if (values.length > 0) await recordRefusal(call, context, values);
    return payload;
  } catch (error) {
    const isRefusal = error instanceof ApiError && error.extensions['code'] === 'FORBIDDEN';
    if (isRefusal) await recordRefusal(call, context);
    throw error;
  }
}

type Grant = 'granted' | 'hidden';

async function check(call: GuardedCall, context: GraphqlContext): Promise<Grant> {
  if (call.permission === 'public') return 'granted';
  const principal = await context.principal();
  const organizationId = organizationOf(call);
  const verdict = verdictOf(principal, call.permission, organizationId);
  const lacksScope = isBeyondScope(principal, call, verdict);
  if (verdict === 'allowed' && !lacksScope) return 'granted';
  await recordRefusal(call, context);
  if (lacksScope) throw new ApiError('INSUFFICIENT_SCOPE');
  if (verdict === 'denied') throw new ApiError('FORBIDDEN');
  return 'hidden';
}

/**
 * What a stranger gets: the same as for an organization that does not exist, so that nobody learns which
 * do. A field that can't be null answers NOT_FOUND.
 */
function hidden(field: GraphQLField<unknown, GraphqlContext>): null {
  if (isNonNullType(field.type)) {
    throw new ApiError('NOT_FOUND', 'There is no such organization.');
  }
  return null;
}

function guardField(
  type: GraphQLObjectType,
  field: GraphQLField<unknown, GraphqlContext>,
  permission: Permission,
): void {
  const { name, resolve = defaultFieldResolver, subscribe } = field;
  if (subscribe !== undefined) {
    // Each event was read under the subscriber's own scope; the gate is where the stream begins.
    field.subscribe = async (source, args, context, info) => {
      const call = { type, field: name, permission, source, args };
      const grant = await check(call, context);
      if (grant === 'hidden') throw new ApiError('NOT_FOUND', 'There is no such organization.');
      return subscribe(source, args, context, info);
    };
    return;
  }
  field.resolve = async (source, args, context, info) => {
    const call = { type, field: name, permission, source, args };
    const grant = await check(call, context);
    if (grant === 'hidden') return hidden(field);
    const run = () => resolve(source, args, context, info);
    // Of a public one nobody may be known; what it refuses is in its own entries.
    const isKnown = type.name === 'Mutation' && permission !== 'public';
    return isKnown ? noteRefusals(call, context, run) : run();
  };
}

function guardType(type: GraphQLObjectType, isRoot: boolean): void {
  for (const field of Object.values(type.getFields())) {
    const permission = permissions[`${type.name}.${field.name}`];
    if (permission === undefined) {
      throw new Error(`${type.name}.${field.name} has no row in the table of permissions.`);
    }
    // Plain fields of an object that the caller was given need no second look.
    if (isRoot || permission !== 'authenticated') guardField(type, field, permission);
  }
}

/**
 * Puts the table of permissions in front of every root field and every field of a guarded type. Resolvers
 * need not remember it.
 * @throws when a field has no row in the table.
 */
export function guardSchema(schema: GraphQLSchema): GraphQLSchema {
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  for (const root of roots) if (root) guardType(root, true);
  for (const name of guardedTypes) {
    const type = schema.getType(name);
    if (!isObjectType(type)) throw new Error(`There is no type ${name}.`);
    guardType(type, false);
  }
  return schema;
}
