import type { ConditionBindings } from '../../../common/policy/condition.ts';
import { conditionValues } from '../../../common/policy/condition-values.ts';
import type { PolicyCall } from '../../../common/policy/policy-call.ts';

/** A call of the tool write_file on the server "files", by a user with the role agent. */
export function callWith(args: Readonly<Record<string, unknown>> | undefined): PolicyCall {
  return {
    principal: {
      subject: 'user:1',
      roles: ['agent'],
      scopes: ['tools:call'],
      credentialId: 'key1',
      credentialKind: 'api_key',
    },
    server: { id: 'server-id', slug: 'files', labels: new Map([['env', 'prod']]) },
    request: {
      method: 'tools/call',
      era: 'modern',
      client: { name: 'editor', version: '1.2.0' },
      address: '10.1.2.3',
      headers: new Map([['x-team', 'blue']]),
    },
    target: { kind: 'tool', name: 'write_file' },
    pin: undefined,
    args,
    nowMs: Date.UTC(2026, 10, 22, 23, 10),
  };
}

/** What a condition reads of a call, made once for each variable. */
export function conditionBindings(
  call: PolicyCall,
  { argumentsKnown = true }: { readonly argumentsKnown?: boolean } = {},
): ConditionBindings {
  const once = (make: () => unknown): (() => unknown) => {
    let made: { readonly value: unknown } | undefined;
    return () => {
      made ??= { value: make() };
      return made.value;
    };
  };
  return {
    principal: once(() => conditionValues.principal(call)),
    server: once(() => conditionValues.server(call)),
    tool: once(() => conditionValues.tool(call)),
    args: once(() => (argumentsKnown ? conditionValues.args(call) : undefined)),
    request: once(() => conditionValues.request(call)),
    now: once(() => conditionValues.now(call)),
  };
}
