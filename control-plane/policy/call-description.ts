import {
  type PolicyCaller,
  type PolicyMessage,
  policyCalls,
} from '../../common/policy/decide-message.ts';
import type { PolicyCall, PolicyPrincipal } from '../../common/policy/policy-call.ts';
import { isStorableText } from '../input/text-rules.ts';
import { type Outcome, refused, type Violation, violation } from '../input/violation.ts';
import type { PolicyBasis } from './policy-basis.ts';

/** Who calls, as somebody describes it. What is left out is filled from what the organization knows of them. */
export interface PrincipalDescription {
  /** Such as `user:<id>`, `service:<id>`, or an issuer's. */
  readonly subject?: string | null | undefined;
  readonly roles?: readonly string[] | null | undefined;
  readonly scopes?: readonly string[] | null | undefined;
  /** Public id of an API key, or of a token. */
  readonly credentialId?: string | null | undefined;
  readonly credentialKind?: 'api_key' | 'access_token' | null | undefined;
}

/** A call that nobody made: explained, or expected to be decided in a certain way. */
export interface CallDescription {
  readonly principal: PrincipalDescription;
  /** Slug. */
  readonly server: string;
  /** Left out: what uses the tool, prompt or resource. */
  readonly method?: string | null | undefined;
  readonly tool?: string | null | undefined;
  readonly prompt?: string | null | undefined;
  readonly uri?: string | null | undefined;
  /** JSON object. */
  readonly args?: Readonly<Record<string, unknown>> | null | undefined;
  readonly era?: 'legacy' | 'modern' | null | undefined;
  readonly clientName?: string | null | undefined;
  readonly clientVersion?: string | null | undefined;
  readonly address?: string | null | undefined;
  readonly headers?: Readonly<Record<string, unknown>> | null | undefined;
  /** Left out: now. */
  readonly at?: Date | string | null | undefined;
}

const textLengthMax = 4096;
const namesMax = 100;
/** Arguments of one description, as JSON. */
const argsLengthMax = 49_152;

function textViolations(call: CallDescription): Violation[] {
  const { principal, server, method, tool, prompt, uri, clientName, clientVersion, address } = call;
  const texts = { server, method, tool, prompt, uri, clientName, clientVersion, address };
  const ofPrincipal = {
    'principal.subject': principal.subject,
    'principal.credentialId': principal.credentialId,
  };
  return Object.entries({ ...texts, ...ofPrincipal }).flatMap(([path, text]) => {
    if (typeof text !== 'string') return [];
    if (text.length > textLengthMax) {
      return [violation(path, 'TOO_LONG', `At most ${textLengthMax} characters are allowed.`)];
    }
    return isStorableText(text)
      ? []
      : [violation(path, 'INVALID_FORMAT', 'Control characters are not allowed.')];
  });
}

function listViolations({ principal }: CallDescription): Violation[] {
  return (['roles', 'scopes'] as const).flatMap((name) => {
    const names = principal[name] ?? [];
    const fits = names.length <= namesMax && names.every(({ length }) => length <= textLengthMax);
    return fits ? [] : [violation(`principal.${name}`, 'TOO_MANY', `At most ${namesMax} names.`)];
  });
}

function jsonViolations({ args, headers }: CallDescription): Violation[] {
  const length = JSON.stringify([args ?? null, headers ?? null]).length;
  if (length > argsLengthMax) {
    const text = `Arguments and headers have at most ${argsLengthMax} characters as JSON.`;
    return [violation('args', 'TOO_LONG', text)];
  }
  const isText = Object.values(headers ?? {}).every((value) => typeof value === 'string');
  return isText ? [] : [violation('headers', 'INVALID_FORMAT', 'Values of headers are texts.')];
}

function targetViolations({ method, tool, prompt, uri }: CallDescription): Violation[] {
  const named = [tool, prompt, uri].filter((name) => typeof name === 'string');
  if (named.length > 1) {
    const text = 'A call is about one of a tool, a prompt and a resource.';
    return [violation('tool', 'INVALID_FORMAT', text)];
  }
  if (named.length === 1 || (method ?? '') !== '') return [];
  return [violation('method', 'REQUIRED', 'Say what is called: a tool, prompt, URI or method.')];
}

/** What is wrong with a described call, as far as it says so itself. */
export function validateCall(call: CallDescription): Violation[] {
  const violations = [
    ...textViolations(call),
    ...listViolations(call),
    ...jsonViolations(call),
    ...targetViolations(call),
  ];
  const at = call.at === undefined || call.at === null ? 0 : new Date(call.at).getTime();
  if (!Number.isNaN(at)) return violations;
  return [...violations, violation('at', 'INVALID_FORMAT', 'This is no time.')];
}

function methodOf({ method, tool, prompt }: CallDescription): string {
  if (typeof method === 'string' && method !== '') return method;
  if (typeof tool === 'string') return 'tools/call';
  return typeof prompt === 'string' ? 'prompts/get' : 'resources/read';
}

/** The message that a client would send. */
function messageOf(call: CallDescription): PolicyMessage {
  const method = methodOf(call);
  const { tool, prompt, uri, args } = call;
  const ref =
    typeof prompt === 'string'
      ? { type: 'ref/prompt', name: prompt }
      : { type: 'ref/resource', uri };
  const params = {
    name: tool ?? prompt ?? undefined,
    uri: uri ?? undefined,
    ...(args && { arguments: args }),
    ...(method === 'completion/complete' && { ref }),
    ...(method === 'subscriptions/listen' && { notifications: {} }),
  };
  return {
    method,
    params,
    taskTool: method.startsWith('tasks/') ? (tool ?? undefined) : undefined,
  };
}

function headersOf(
  headers: CallDescription['headers'],
  allowed: ReadonlySet<string>,
): ReadonlyMap<string, string> {
  const named = Object.entries(headers ?? {}).map(
    ([name, value]) => [name.toLowerCase(), String(value)] as const,
  );
  return new Map(named.filter(([name]) => allowed.has(name)));
}

/** The uses that a described call asks for, as a node would decide them. */
export function describedCalls(
  call: CallDescription,
  principal: PolicyPrincipal,
  basis: PolicyBasis,
  nowMs: number,
): Outcome<readonly [PolicyCall, ...PolicyCall[]]> {
  const server = basis.serversBySlug.get(call.server);
  if (server === undefined) {
    return refused(violation('server', 'NOT_FOUND', 'There is no server with this slug.'));
  }
  const message = messageOf(call);
  const caller: PolicyCaller = {
    principal,
    server,
    request: {
      method: message.method,
      era: call.era ?? 'modern',
      client: { name: call.clientName ?? '', version: call.clientVersion ?? '' },
      address: call.address ?? '',
      headers: headersOf(call.headers, basis.policyHeaders),
    },
    nowMs: call.at ? new Date(call.at).getTime() : nowMs,
  };
  const calls = policyCalls(caller, message, (tool) => basis.pins.get(`${server.id}/${tool}`));
  if (calls !== undefined) return { ok: true, value: calls };
  const text = `A call of ${message.method} has to say what it is about.`;
  return refused(violation('method', 'INVALID_FORMAT', text));
}
