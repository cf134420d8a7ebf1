import { compileCondition } from '../../../common/policy/compile-condition.ts';
import { callTargets } from '../../../common/policy/method-targets.ts';
import type { Policy, PolicyDefault } from '../../../common/policy/policy.ts';
import type { CallTarget, PolicyCall, PolicyPin } from '../../../common/policy/policy-call.ts';
import { PolicySet } from '../../../common/policy/policy-set.ts';

/**
 * A line of a table of decisions: `policies | default | call | outcome`.
 *
 * - policies, separated by ` ; `, are `[shadow] allow|deny [list=a,b]… [if condition]`; they are called 1, 2, …
 *   in this order
 * - a call is `method [what it calls] [field=value]…`
 * - an outcome is `allowed` or `denied`, `by 1`, `by default`, `by failure of 1` or `implicitly`, and what
 *   shadow policies would have done, as `(2 would_deny)`
 */
export interface DecisionLine {
  readonly text: string;
  readonly set: PolicySet;
  /** All that the message is about. */
  readonly calls: readonly PolicyCall[];
  readonly outcome: string;
}

function listOf(words: ReadonlyMap<string, string>, name: string): string[] {
  const value = words.get(name);
  return value === undefined ? [] : value.split(',');
}

function readPolicy(text: string, index: number): Policy {
  const [head = '', ...conditions] = text.split(/(?:^| )if /);
  const tokens = head.trim().split(/ +/);
  const mode = tokens[0] === 'shadow' ? 'shadow' : 'enforce';
  const [effect, ...lists] = mode === 'shadow' ? tokens.slice(1) : tokens;
  if (effect !== 'allow' && effect !== 'deny') throw new Error(`no effect in "${text}"`);
  const words = new Map(lists.map((list) => [beforeEquals(list), afterEquals(list)]));
  const take = (name: string) => {
    const list = listOf(words, name);
    words.delete(name);
    return list;
  };
  const policy: Policy = {
    id: `${index + 1}`,
    organizationId: 'acme',
    name: `policy-${index + 1}`,
    revision: 1,
    effect,
    mode,
    position: index,
    message: '',
    targets: {
      servers: take('servers'),
      methods: take('methods'),
      tools: take('tools'),
      resources: take('resources'),
      prompts: take('prompts'),
    },
    subjects: { roles: take('roles'), subjects: take('subjects'), apiKeys: take('keys') },
    condition: conditions.join(' if '),
  };
  if (words.size > 0) throw new Error(`unknown list in "${text}": ${[...words.keys()]}`);
  return policy;
}

function beforeEquals(text: string): string {
  return text.slice(0, text.indexOf('='));
}

function afterEquals(text: string): string {
  return text.slice(text.indexOf('=') + 1);
}

const targetFields = new Map<string, (name: string) => object>([
  ['tools/call', (name) => ({ name })],
  ['prompts/get', (name) => ({ name })],
  ['resources/read', (uri) => ({ uri })],
  ['resources/subscribe', (uri) => ({ uri })],
  ['subscriptions/listen', (uri) => ({ notifications: { resourceSubscriptions: [uri] } })],
  [
    'completion/complete',
    (ref) => ({
      ref: ref.includes(':')
        ? { type: 'ref/resource', uri: ref }
        : { type: 'ref/prompt', name: ref },
    }),
  ],
]);

/** Definitions that an admin approved, by the name that calls give them in `pin=`. */
function pinOf(name: string | undefined, tool: string): PolicyPin | undefined {
  if (name === undefined) return undefined;
  return {
    tool,
    hash: 'abcd',
    annotations: {
      title: '',
      readOnly: name === 'read-only' ? true : undefined,
      destructive: name === 'read-only' ? false : undefined,
      idempotent: undefined,
      openWorld: undefined,
    },
  };
}

function pairs(value: string | undefined): ReadonlyMap<string, string> {
  const items = value === undefined ? [] : value.split(',');
  return new Map(
    items.map((item) => [item.slice(0, item.indexOf(':')), item.slice(item.indexOf(':') + 1)]),
  );
}

function readFields(words: readonly string[]): ReadonlyMap<string, string> {
  const known = [
    ...['roles', 'subject', 'key', 'token', 'server', 'labels', 'args', 'pin', 'headers', 'client'],
    ...['address', 'era', 'now', 'task'],
  ];
  const fields = new Map(words.map((word) => [beforeEquals(word), afterEquals(word)]));
  for (const name of fields.keys()) if (!known.includes(name)) throw new Error(`no field ${name}`);
  return fields;
}

/** A user with the role developer who calls the server "files" by the key key1, unless the fields say otherwise. */
function readCall(text: string): readonly PolicyCall[] {
  const [method = '', ...words] = text.trim().split(/ +/);
  const named = words[0] !== undefined && !/^[a-z]+=/.test(words[0]) ? words[0] : undefined;
  const fields = readFields(named === undefined ? words : words.slice(1));
  const params = named === undefined ? {} : (targetFields.get(method)?.(named) ?? {});
  const targets = callTargets(
    method,
    { ...params },
    method.startsWith('tasks/') ? named : undefined,
  );
  if (targets === undefined) throw new Error(`"${text}" does not say what it is about`);
  const args = fields.get('args');
  const slug = fields.get('server') ?? 'files';
  const parts: Omit<PolicyCall, 'target' | 'pin'> = {
    principal: {
      subject: fields.get('subject') ?? 'user:1',
      roles: (fields.get('roles') ?? 'developer').split(','),
      scopes: ['mcp:*'],
      credentialId: fields.get('token') ?? fields.get('key') ?? 'key1',
      credentialKind: fields.has('token') ? 'access_token' : 'api_key',
    },
    server: { id: `id-of-${slug}`, slug, labels: pairs(fields.get('labels')) },
    request: {
      method,
      era: fields.get('era') === 'modern' ? 'modern' : 'legacy',
      client: { name: fields.get('client') ?? '', version: '' },
      address: fields.get('address') ?? '192.0.2.1',
      headers: pairs(fields.get('headers')),
    },
    args: args === undefined ? undefined : (JSON.parse(args) as Record<string, unknown>),
    nowMs: Date.parse(fields.get('now') ?? '2026-11-23T10:00:00Z'),
  };
  return targets.map((target) => ({ ...parts, target, pin: pinFor(target, fields) }));
}

function pinFor(target: CallTarget, fields: ReadonlyMap<string, string>): PolicyPin | undefined {
  return target.kind === 'tool' ? pinOf(fields.get('pin'), target.name) : undefined;
}

export function readLine(text: string): DecisionLine {
  const [policies = '', policyDefault = '', call = '', outcome = ''] = text
    .split(/ \| |^\| | \|$/)
    .map((cell) => cell.trim());
  if (!isDefault(policyDefault)) throw new Error(`no default in "${text}"`);
  const rules = policies === '-' ? [] : policies.split(' ; ').map(readPolicy);
  const set = PolicySet.compile(rules, { default: policyDefault, compile: compileCondition });
  return { text, set, calls: readCall(call), outcome };
}

function isDefault(text: string): text is PolicyDefault {
  return text === 'allow' || text === 'deny';
}

/** What becomes of a message: what is denied of it, or else of all that it is about the first. */
export function outcomeOf({ set, calls }: DecisionLine): string {
  const decisions = calls.map((call) => set.decide(call));
  const decision = decisions.find(({ allowed }) => !allowed) ?? decisions[0];
  if (decision === undefined) throw new Error('it is about nothing');
  const why = {
    policy: `by ${decision.policy?.id}`,
    default: 'by default',
    evaluation_failed: `by failure of ${decision.policy?.id}`,
    implicit: 'implicitly',
  }[decision.cause];
  const shadow = decision.shadow.map(({ policy, outcome }) => `${policy.id} ${outcome}`).join(', ');
  const suffix = shadow === '' ? '' : ` (${shadow})`;
  return `${decision.allowed ? 'allowed' : 'denied'} ${why}${suffix}`;
}
