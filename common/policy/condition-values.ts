import { type CelInput, type CelMap, type CelValue, celList, celMap } from '@bufbuild/cel';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { ConditionVariable } from './condition.ts';
import { ConditionValueError } from './condition-value-error.ts';
import type {
  PolicyCall,
  PolicyPin,
  PolicyPrincipal,
  PolicyRequest,
  PolicyServer,
  ToolAnnotations,
} from './policy-call.ts';

/** How deep arguments may be nested. */
const argumentDepthMax = 32;
/** Most values of a call's arguments, counted through all lists and objects. */
const argumentValuesMax = 10_000;

/**
 * What each variable of a condition is on a call; undefined: the call has none, and what reads it fails.
 * Cheap to ask for, but not kept: whoever evaluates several conditions on a call keeps them.
 */
export const conditionValues = {
  principal: ({ principal }) => principalValue(principal),
  server: ({ server }) => serverValue(server),
  tool: ({ target, pin }) => (target.kind === 'tool' ? toolValue(target.name, pin) : undefined),
  args: ({ target, args }) =>
    target.kind === 'tool' || target.kind === 'prompt' ? argumentsValue(args ?? {}) : undefined,
  request: ({ request, target }) => requestValue(request, target),
  now: ({ nowMs }) => timestampFromMs(nowMs),
} satisfies { readonly [Variable in ConditionVariable]: (call: PolicyCall) => unknown };

/**
 * A map whose `has` answers true for a key with the value null: the library's answers false, so that
 * `has(args.x)` and `"x" in args` would not see an argument that is null.
 */
function mapValue(entries: ReadonlyMap<string, CelInput>): CelMap {
  const map = celMap(entries);
  map.has = hasKey;
  return map;
}

function hasKey(this: CelMap, key: Parameters<CelMap['has']>[0]): boolean {
  return this.get(key) !== undefined;
}

/** Makes a value once for each object that it is made of: these outlive many calls. */
function keptFor<Source extends object>(
  make: (source: Source) => CelMap,
): (source: Source) => CelMap {
  const made = new WeakMap<Source, CelMap>();
  return (source) => {
    const known = made.get(source);
    if (known !== undefined) return known;
    const value = make(source);
    made.set(source, value);
    return value;
  };
}

function objectValue(fields: Readonly<Record<string, CelInput>>): CelMap {
  return mapValue(new Map(Object.entries(fields)));
}

/** Not kept: nodes describe the caller anew for each call, and to keep it takes as long as to make it. */
function principalValue(principal: PolicyPrincipal): CelMap {
  const [kind] = principal.subject.split(':');
  return objectValue({
    subject: principal.subject,
    kind: kind === 'user' || kind === 'service' ? kind : 'external',
    roles: celList(principal.roles),
    scopes: celList(principal.scopes),
    credential: objectValue({ id: principal.credentialId, kind: principal.credentialKind }),
  });
}

const serverValue = keptFor((server: PolicyServer) =>
  objectValue({ id: server.id, slug: server.slug, labels: mapValue(server.labels) }),
);

/** Where nothing is said or approved, what the specification tells clients to assume. */
const annotationsValue = keptFor((hints: Partial<ToolAnnotations>) =>
  objectValue({
    title: hints.title ?? '',
    readOnlyHint: hints.readOnly ?? false,
    destructiveHint: hints.destructive ?? true,
    idempotentHint: hints.idempotent ?? false,
    openWorldHint: hints.openWorld ?? true,
  }),
);
const nothingApproved = {};

function toolValue(name: string, pin: PolicyPin | undefined): CelMap {
  return objectValue({
    name,
    approved: pin !== undefined,
    hash: pin?.hash ?? '',
    annotations: annotationsValue(pin?.annotations ?? nothingApproved),
  });
}

function requestValue(request: PolicyRequest, target: PolicyCall['target']): CelMap {
  return objectValue({
    method: request.method,
    target: 'name' in target ? target.name : '',
    kind: target.kind,
    era: request.era,
    client: objectValue({ name: request.client.name, version: request.client.version }),
    address: request.address,
    headers: mapValue(request.headers),
  });
}

/**
 * JSON as conditions see it: a number without a fraction within 64 bits is an int, any other a double.
 * Throws `ConditionValueError` beyond the bounds.
 */
function argumentsValue(args: Readonly<Record<string, unknown>>): CelValue {
  let values = 0;
  const convert = (json: unknown, depth: number): CelValue => {
    values += 1;
    if (values > argumentValuesMax) {
      throw new ConditionValueError(`the arguments hold more than ${argumentValuesMax} values`);
    }
    if (typeof json !== 'object' || json === null) return scalarValue(json);
    if (depth >= argumentDepthMax) {
      throw new ConditionValueError(`the arguments are nested deeper than ${argumentDepthMax}`);
    }
    if (Array.isArray(json)) return celList(json.map((item) => convert(item, depth + 1)));
    const entries = new Map<string, CelValue>();
    for (const [name, value] of Object.entries(json)) entries.set(name, convert(value, depth + 1));
    return mapValue(entries);
  };
  return convert(args, 0);
}

const intMax = 2 ** 63;

function scalarValue(json: unknown): CelValue {
  if (typeof json === 'number') {
    const isInt = Number.isInteger(json) && json >= -intMax && json < intMax;
    return isInt ? BigInt(json) : json;
  }
  // JSON knows nothing else; what isn't JSON has no value.
  return typeof json === 'string' || typeof json === 'boolean' ? json : null;
}
