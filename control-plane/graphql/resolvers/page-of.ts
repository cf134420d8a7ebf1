import { type Keyset, requestPage } from '../../input/find-page.ts';
import type { PageArguments, PageRequest } from '../../input/page.ts';
import type { GraphqlContext } from '../context.ts';
import { ApiError } from '../errors.ts';

/** The checked page that a connection's arguments ask for. @throws {ApiError} BAD_USER_INPUT */
export function pageOf(context: GraphqlContext, args: PageArguments, keyset: Keyset): PageRequest {
  const page = requestPage(args, context.services.pageBounds, keyset);
  if (page.ok) return page.value;
  const [first] = page.violations;
  throw new ApiError('BAD_USER_INPUT', first?.message, { argument: first?.path.join('.') });
}

/** Keys of a row in a connection that is ordered by id. */
export function idKey(row: { readonly id: string }): readonly string[] {
  return [row.id];
}
