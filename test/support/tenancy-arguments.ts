import {
  type GraphQLInputField,
  type GraphQLInputType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
} from 'graphql';
import type { Arguments, Operation } from './tenancy-operations.ts';

/** Where the ids and texts of an operation's arguments come from. */
export interface ArgumentSource {
  readonly organizationId: string;
  readonly slug: string;
  /** Begins every text, so that it can be told from others. Good as part of a slug. */
  readonly marker: string;
  /** Id of an object of a kind, such as `server` or `apiKey`; undefined: there is no such kind. */
  idOf(kind: string): string | undefined;
}

/** What needs more than its required arguments, and a role, to be valid. */
const furtherArguments: Readonly<Record<string, readonly string[]>> = {
  'Mutation.createApiKey': ['serviceAccountId'],
  // Made twice without, it would be called the same.
  'Mutation.createPolicyFromTemplate': ['name', 'force'],
  // What is expected of a server that isn't there fails.
  'Mutation.createPolicyExpectation': ['tool'],
  'Mutation.createPolicy': ['force'],
  'Mutation.updatePolicy': ['force'],
  'Mutation.movePolicy': ['force'],
  'Mutation.deletePolicy': ['force'],
  'Mutation.updateOrganization': ['force'],
  'Query.organization': ['id'],
};

/** Arguments whose name is not that of a kind. */
const kindOfName: Readonly<Record<string, string>> = {
  ownerId: 'user',
  organizationIds: 'organization',
  fromKeyId: 'apiKey',
  besideId: 'policy',
  expectedPolicyId: 'policy',
  remove: 'policy',
};

/** Operations whose `id` is not of what their name says. */
const kindOfOperation: Readonly<Record<string, string>> = {
  simulatePolicies: 'policy',
};

let count = 0;

/** Texts by the name of their argument. */
const texts: Readonly<Record<string, (source: ArgumentSource, n: number) => string>> = {
  slug: ({ marker }, n) => `${marker}-s${n}`,
  name: ({ marker }, n) => `${marker}-n${n}`,
  label: ({ marker }, n) => `${marker} label ${n}`,
  description: ({ marker }) => `${marker} description`,
  displayName: ({ marker }) => `${marker} person`,
  email: ({ marker }, n) => `p${n}@${marker}.example`,
  confirmSlug: ({ slug }) => slug,
  password: () => 'correct horse battery',
  currentPassword: () => 'correct horse battery',
  newPassword: () => 'correct horse battery',
  url: ({ marker }, n) => `http://10.0.0.1/${marker}/${n}`,
  issuerUrl: ({ marker }, n) => `https://${marker}-${n}.example`,
  redirectUrl: ({ marker }) => `https://${marker}.example/back`,
  documentationUrl: ({ marker }) => `https://${marker}.example/doc`,
  header: () => 'x-credential',
  value: ({ marker }) => `${marker} value`,
  subject: (source) => `user:${source.idOf('user')}`,
  reason: ({ marker }) => `${marker} reason`,
  tokenId: ({ marker }, n) => `${marker}-${n}`,
  refreshToken: () => 'nonsense',
  token: () => 'nonsense',
  loginToken: () => 'nonsense',
  state: () => 'nonsense',
  code: () => 'nonsense',
  server: ({ marker }) => `${marker}-server`,
  issuer: ({ marker }) => `${marker}-issuer`,
  organization: ({ slug }) => slug,
  scopes: () => 'mcp:*',
  role: () => 'developer',
  tool: ({ marker }) => `${marker}-tool`,
  hash: () => 'ab'.repeat(32),
  template: () => 'read-only-agents',
};

/** The kind that an id is of: named by the argument, or by the operation. */
function kindOf(operation: Operation, name: string): string | undefined {
  const known = kindOfName[name];
  if (known !== undefined) return known;
  if (name !== 'id') return name.endsWith('Id') ? name.slice(0, -2) : undefined;
  const special = kindOfOperation[operation.field.name];
  if (special !== undefined) return special;
  const noun = operation.field.name.replace(
    /^(?:update|move|delete|revoke|rotate|refresh|end|withdraw|resend|cancel|disable|enable)(?=[A-Z])/,
    '',
  );
  return noun.charAt(0).toLowerCase() + noun.slice(1);
}

class ArgumentBuilder {
  readonly #operation: Operation;
  readonly #source: ArgumentSource;

  constructor(operation: Operation, source: ArgumentSource) {
    this.#operation = operation;
    this.#source = source;
  }

  #missing(name: string, type: GraphQLInputType): never {
    throw new Error(
      `${this.#operation.path}: no generator for ${name}: ${type} (test/support/tenancy-arguments.ts)`,
    );
  }

  id(name: string, type: GraphQLInputType): string {
    const kind = kindOf(this.#operation, name);
    const id = kind === undefined ? undefined : this.#source.idOf(kind);
    return id ?? this.#missing(name, type);
  }

  value(name: string, given: GraphQLInputType): unknown {
    const type = getNullableType(given);
    if (isListType(type)) return [this.value(name, type.ofType)];
    if (isInputObjectType(type)) return this.fields(Object.values(type.getFields()));
    if (isEnumType(type)) {
      const names = type.getValues().map((value) => value.name);
      return ['DEVELOPER', 'SERVERS_READ'].find((usual) => names.includes(usual)) ?? names[0];
    }
    count += 1;
    switch (type.name) {
      case 'ID':
        return this.id(name, type);
      case 'String':
        if (name === 'id') return this.id(name, type);
        return texts[name]?.(this.#source, count) ?? this.#missing(name, type);
      case 'Boolean':
        return true;
      case 'Int':
      case 'SafeInt':
        return name === 'version' || name === 'revision' ? 1 : 60;
      case 'DateTimeISO':
        return new Date(Date.now() + 3_600_000).toISOString();
      default:
        return this.#missing(name, type);
    }
  }

  fields(fields: readonly Pick<GraphQLInputField, 'name' | 'type' | 'defaultValue'>[]): Arguments {
    const further = furtherArguments[this.#operation.path] ?? [];
    const wanted = fields.filter(
      ({ name, type, defaultValue }) =>
        (isNonNullType(type) && defaultValue === undefined) ||
        further.includes(name) ||
        // Either a built-in role or a custom one: neither is required by itself.
        String(type) === 'OrganizationRole',
    );
    return Object.fromEntries(wanted.map(({ name, type }) => [name, this.value(name, type)]));
  }
}

/**
 * Arguments of an operation, from its types alone: what is required, and what `furtherArguments` adds.
 * @throws for an argument that nothing here knows a value for.
 */
export function argumentsFor(operation: Operation, source: ArgumentSource): Arguments {
  return new ArgumentBuilder(operation, source).fields(operation.field.args);
}

/** An id among the arguments of an operation. */
export interface IdArgument {
  readonly path: readonly string[];
  readonly isList: boolean;
  /** Its kind, such as `server`; undefined: nothing knows. */
  readonly kind: string | undefined;
}

/** Every id that an operation takes, also where it may be left out. */
export function idArgumentsOf(operation: Operation): IdArgument[] {
  const walk = (
    fields: readonly { readonly name: string; readonly type: GraphQLInputType }[],
    above: readonly string[],
  ): IdArgument[] =>
    fields.flatMap(({ name, type }) => {
      const path = [...above, name];
      const nullable = getNullableType(type);
      const isList = isListType(nullable);
      const item = getNullableType(isListType(nullable) ? nullable.ofType : nullable);
      if (isInputObjectType(item)) return walk(Object.values(item.getFields()), path);
      if (String(item) !== 'ID' && name !== 'id') return [];
      return [{ path, isList, kind: kindOf(operation, name) }];
    });
  return walk(operation.field.args, []);
}

/** The arguments with another value at a path. */
export function withValueAt(args: Arguments, path: readonly string[], value: unknown): Arguments {
  const [name, ...rest] = path;
  if (name === undefined) return args;
  const inner = (args[name] ?? {}) as Arguments;
  return { ...args, [name]: rest.length === 0 ? value : withValueAt(inner, rest, value) };
}
