import { decodeJwt } from 'jose';
import type { Client } from 'pg';
import { buildGraphqlSchema } from '../../control-plane/graphql/schema.ts';
import { type OidcProvider, startOidcProvider } from '../support/oidc-provider.ts';
import { argumentsFor } from '../support/tenancy-arguments.ts';
import { type Arguments, type Operation, requestFor } from '../support/tenancy-operations.ts';
import { logIn, password, type Replica, type ReplyError } from './graphql-harness.ts';
import { openWorld, type TenancyWorld, type Tenant, wideBounds } from './tenancy-world.ts';

/** An object of a kind, as the mutation that made it answered. */
export type Made = Readonly<Record<string, unknown>> & { readonly id: string };

/** Who calls: somebody known, with the id of the session that the token is of, or nobody. */
export interface AuditCaller {
  readonly token: string | undefined;
  readonly userId: string;
  readonly sessionId: string | undefined;
}

/** An entry as the database holds it. */
export interface StoredEntry {
  /** Null: the platform's chain. */
  readonly organizationId: string | null;
  readonly action: string;
  readonly actorKind: string;
  readonly actorId: string;
  readonly targetType: string;
  readonly targetId: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly privateDetails: Readonly<Record<string, unknown>> | null;
  /** Everything that the entry says, for looking for secrets. */
  readonly text: string;
}

/** What a mutation answered. */
export interface Answer {
  /** Its payload; empty when it failed. */
  readonly payload: Readonly<Record<string, unknown>>;
  readonly userErrors: readonly unknown[];
  readonly errors: readonly ReplyError[];
}

const redirectUrl = 'http://127.0.0.1:9/callback';
const client = { id: 'gateway', secret: 'a secret of the client', redirectUrls: [redirectUrl] };

/** Tables that an attempt may write to however it ends. */
const countingTables = ['schema_migrations', 'login_throttles'];

/** Kinds that operators make. */
const platformKinds = new Set(['user', 'member', 'organization', 'nodeGroup', 'nodeToken']);

/** How the mutation is named that makes an object of a kind. */
const makers: Readonly<Record<string, string>> = {
  member: 'addMember',
  invitation: 'inviteMember',
  loginIssuer: 'createIssuer',
};

const nobody: AuditCaller = { token: undefined, userId: '', sessionId: undefined };

function callerOf(token: string): AuditCaller {
  const { sub = '', sid } = decodeJwt<{ sid: string }>(token);
  return { token, userId: sub, sessionId: sid };
}

/** One organization and the platform, with ways to make objects, to change them, and to read the audit trails. */
export class AuditWorld {
  readonly replica: Replica;
  readonly tenant: Tenant;
  readonly provider: OidcProvider;
  readonly operator: AuditCaller;
  readonly owner: AuditCaller;
  readonly #tenancy: TenancyWorld;
  readonly #database: Client;
  #made = new Map<string, Made>();

  private constructor(
    tenancy: TenancyWorld,
    parts: {
      readonly replica: Replica;
      readonly tenant: Tenant;
      readonly provider: OidcProvider;
      readonly database: Client;
    },
  ) {
    this.#tenancy = tenancy;
    this.replica = parts.replica;
    this.tenant = parts.tenant;
    this.provider = parts.provider;
    this.#database = parts.database;
    this.operator = callerOf(tenancy.operatorToken);
    this.owner = callerOf(parts.tenant.tokens['OWNER'] ?? '');
  }

  static async open(): Promise<AuditWorld> {
    const tenancy = await openWorld(buildGraphqlSchema());
    const replica = await tenancy.harness.replica({
      bounds: wideBounds,
      settings: { publicUrl: new URL('https://mcp.example.com/') },
    });
    const tenant = await tenancy.tenant('audited');
    const provider = await startOidcProvider({ clients: [client] });
    const database = await tenancy.harness.database.connect('owner');
    await database.query(
      `create function refuse_entry() returns trigger language plpgsql as
         $$ begin raise exception 'no room for audit entries'; end $$;
       create trigger refuse_entry before insert on audit_logs execute function refuse_entry();
       alter table audit_logs disable trigger refuse_entry`,
    );
    return new AuditWorld(tenancy, { replica, tenant, provider, database });
  }

  async close(): Promise<void> {
    await this.provider.close();
    await this.#tenancy.close();
  }

  get mutations(): readonly Operation[] {
    return this.#tenancy.operations.filter(({ root }) => root === 'mutation');
  }

  /** Another replica, which has counted nothing yet. */
  freshReplica(): Promise<Replica> {
    return this.#tenancy.harness.replica({ bounds: wideBounds });
  }

  /** Forgets the objects that were made, so that the next ones are new. */
  forget(): void {
    this.#made = new Map();
  }

  /** The object of a kind that was made last. @throws when there is none. */
  made(kind: string): Made {
    const object = this.#made.get(kind);
    if (object === undefined) throw new Error(`No ${kind} was made.`);
    return object;
  }

  /** Arguments from the types of a mutation, about the objects that were made last. */
  argumentsOf(operation: Operation, given: Arguments = {}): Arguments {
    const { tenant } = this;
    const organizationId = this.#made.get('organization')?.id ?? tenant.organizationId;
    const args = argumentsFor(operation, {
      ...{ organizationId, slug: tenant.slug, marker: tenant.marker },
      idOf: (kind) => this.#made.get(kind)?.id ?? tenant.idOf(kind),
    });
    const { input } = args;
    const hasInput = operation.field.args.some(({ name }) => name === 'input');
    return hasInput
      ? { ...args, input: { ...(input as object), ...given } }
      : { ...args, ...given };
  }

  /** Runs a mutation. */
  async run(
    name: string,
    args: Arguments,
    token: string | undefined,
    replica = this.replica,
  ): Promise<Answer> {
    const operation = this.operation(name);
    // Not what belongs to an organization that was changed: the caller need not be allowed to read it.
    const { query, variables } = requestFor(operation, args, '', 1);
    const reply = await replica.post<Record<string, unknown>>(query, variables, token);
    const payload = (reply.data?.[name] ?? {}) as Answer['payload'];
    const userErrors = (payload['userErrors'] ?? []) as readonly unknown[];
    return { payload, userErrors, errors: reply.errors };
  }

  operation(name: string): Operation {
    const found = this.mutations.find(({ field }) => field.name === name);
    if (found === undefined) throw new Error(`There is no mutation ${name}.`);
    return found;
  }

  /** Runs a mutation that has to succeed, and returns its payload. */
  async succeed(name: string, given: object, { token }: AuditCaller): Promise<Answer['payload']> {
    const args = this.argumentsOf(this.operation(name), given as Arguments);
    const { payload, userErrors, errors } = await this.run(name, args, token);
    if (userErrors.length + errors.length > 0) {
      throw new Error(`${name}: ${JSON.stringify([userErrors, errors])}`);
    }
    return payload;
  }

  /** Makes an object of a kind, which is the one that later arguments are about. */
  async make(kind: string, given: object = {}): Promise<Made> {
    const maker = makers[kind] ?? `create${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;
    const caller = platformKinds.has(kind) ? this.operator : this.owner;
    const payload = await this.succeed(
      maker,
      { ...(await this.#ownFields(kind)), ...given },
      caller,
    );
    const type = kind === 'loginIssuer' ? 'issuer' : kind;
    const object = payload[type] as Made;
    const { userErrors: _, ...rest } = payload;
    // What is shown once stands beside the object.
    const made: Made = { ...rest, ...object, id: object.id ?? String(object['userId']) };
    this.#made.set(type, made);
    return made;
  }

  async #ownFields(kind: string): Promise<object> {
    if (kind === 'member') return { email: (await this.make('user'))['email'] };
    if (kind !== 'loginIssuer') return {};
    this.provider.person = {
      sub: crypto.randomUUID(),
      email: `${crypto.randomUUID()}@example.com`,
      emailVerified: true,
      groups: ['engineers'],
    };
    // An organization trusts an issuer once.
    await this.#database.query('delete from issuers where issuer_url = $1', [
      this.provider.issuerUrl,
    ]);
    return {
      ...{ issuerUrl: this.provider.issuerUrl, loginEnabled: true, redirectUrls: [redirectUrl] },
      ...{ clientId: client.id, clientSecret: client.secret, roleClaim: ['groups'] },
      roleMappings: [{ value: 'engineers', role: 'developer' }],
    };
  }

  /** Lets the server that was made last offer a tool, as the worker writes it. @returns its hash. */
  async offerTool(tool: string): Promise<string> {
    const hash = 'cd'.repeat(32);
    await this.#database.query(
      `insert into server_definitions (organization_id, id, server_id, kind, name, definition, hash)
       values ($1, gen_random_uuid(), $2, 'tool', $3, '{}', decode($4, 'hex'))`,
      [this.tenant.organizationId, this.made('server').id, tool, hash],
    );
    return hash;
  }

  /** A new session of the user who was made last. */
  async session(): Promise<AuditCaller> {
    return callerOf(await logIn(this.replica, String(this.made('user')['email'])));
  }

  /** Begins a log-in through the issuer that was made last, and comes back from it. */
  async returnFromIssuer(): Promise<object> {
    const begun = await this.succeed(
      'beginOidcLogin',
      { ...this.loginRequest(), redirectUrl },
      nobody,
    );
    const back = await this.provider.authorize(String(begun['authorizationUrl']));
    const { state, code, iss } = Object.fromEntries(back.searchParams);
    return { state, code, iss, loginToken: begun['loginToken'] };
  }

  loginRequest(): object {
    const { slug } = this.tenant;
    return { organization: slug, issuer: this.made('issuer')['name'], redirectUrl };
  }

  /** Logs the provider's person in through the issuer that was made last. */
  async loginThroughIssuer(): Promise<void> {
    await this.succeed('completeOidcLogin', await this.returnFromIssuer(), nobody);
  }

  /** The refresh token of a new session of the user who was made last. */
  async refreshToken(): Promise<unknown> {
    const given = { email: this.made('user')['email'], password };
    return (await this.succeed('login', given, nobody))['refreshToken'];
  }

  get password(): string {
    return password;
  }

  /** Runs `work` while no audit entry can be written. */
  async withoutAudit<T>(work: () => Promise<T>): Promise<T> {
    await this.#database.query('alter table audit_logs enable trigger refuse_entry');
    try {
      return await work();
    } finally {
      await this.#database.query('alter table audit_logs disable trigger refuse_entry');
    }
  }

  /** What every table holds, for comparing. @param apart tables that are left out. */
  async digest(apart: readonly string[] = []): Promise<Record<string, string>> {
    const { rows } = await this.#database.query<{ name: string }>(
      `select relname as name from pg_class where relnamespace = 'public'::regnamespace
         and relkind in ('r', 'p') and not relispartition and relname <> all($1)`,
      [[...countingTables, ...apart]],
    );
    const result: Record<string, string> = {};
    for (const { name } of rows) {
      const found = await this.#database.query<{ hash: string }>(
        `select md5(coalesce(string_agg(t::text, ',' order by t::text), '')) as hash from ${name} t`,
      );
      result[name] = found.rows[0]?.hash ?? '';
    }
    return result;
  }

  /** Where the chains end now. */
  async mark(): Promise<ReadonlyMap<string, number>> {
    const { rows } = await this.#database.query<{ chain_id: string; sequence: string }>(
      'select chain_id, sequence from audit_chains',
    );
    return new Map(rows.map((row) => [row.chain_id, Number(row.sequence)]));
  }

  /** Entries of every chain after a mark, in their order. */
  async entriesAfter(mark: ReadonlyMap<string, number>): Promise<StoredEntry[]> {
    const { rows } = await this.#database.query<
      StoredEntry & { readonly chainId: string; readonly sequence: string }
    >(
      `select chain_id as "chainId", sequence, organization_id as "organizationId", action,
         actor_kind as "actorKind", actor_id as "actorId", target_type as "targetType",
         target_id as "targetId", details, private_details as "privateDetails", a::text as text
       from audit_logs a order by at, revision, organization_id nulls first`,
    );
    return rows
      .filter(({ chainId, sequence }) => Number(sequence) > (mark.get(chainId) ?? 0))
      .map(({ chainId: _, sequence: __, ...entry }) => entry);
  }
}
