import type { ConditionVariable } from '../../../common/policy/condition.ts';
import {
  bool,
  type ConditionType,
  dyn,
  listOf,
  objectOf,
  oneOf,
  string,
} from './condition-type.ts';

/** Kinds of what a message that policies decide is about. */
const requestKinds = ['tool', 'resource', 'prompt', 'list', 'method'] as const;

const annotations = objectOf('tool.annotations', {
  title: string,
  readOnlyHint: bool,
  destructiveHint: bool,
  idempotentHint: bool,
  openWorldHint: bool,
});

/** The types of the variables; `args` is that of the tools that a policy names, where they are known. */
export function declaredTypes(
  args: ConditionType = dyn,
): Readonly<Record<ConditionVariable, ConditionType>> {
  return {
    principal: objectOf('principal', {
      subject: string,
      kind: oneOf('user', 'service', 'external'),
      roles: listOf(string),
      scopes: listOf(string),
      credential: objectOf('principal.credential', {
        id: string,
        kind: oneOf('api_key', 'access_token'),
      }),
    }),
    server: objectOf('server', {
      id: string,
      slug: string,
      labels: { kind: 'map', value: string, about: 'server.labels' },
    }),
    tool: objectOf('tool', { name: string, approved: bool, hash: string, annotations }),
    args,
    request: objectOf('request', {
      method: string,
      target: string,
      kind: oneOf(...requestKinds),
      era: oneOf('legacy', 'modern'),
      client: objectOf('request.client', { name: string, version: string }),
      address: string,
      headers: { kind: 'map', value: string, about: 'request.headers' },
    }),
    now: { kind: 'timestamp' },
  };
}
