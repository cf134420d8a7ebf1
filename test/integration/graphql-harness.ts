import { pino } from 'pino';
import { Registry } from 'prom-client';
import { fetch } from 'undici';
import type { GraphqlBounds } from '../../control-plane/graphql/graphql-bounds.ts';
import {
  createGraphqlServer,
  type GraphqlServerOptions,
} from '../../control-plane/graphql/graphql-server.ts';
import { systemActor } from '../../control-plane/identity/actor.ts';
import { ensureOperator } from '../../control-plane/identity/ensure-operator.ts';
import { createOrganization } from '../../control-plane/identity/organizations.ts';
import { createPasswordDesk } from '../../control-plane/identity/password-desk.ts';
import { ChangeFeed } from '../../control-plane/store/change-feed.ts';
import type { Organization } from '../../control-plane/store/entities/organization.ts';
import type { User } from '../../control-plane/store/entities/user.ts';
import type { Store } from '../../control-plane/store/store.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

export const operatorEmail = 'operator@example.com';
export const password = 'correct horse battery';

const logger = pino({ level: 'silent' });

export interface ReplyError {
  readonly message: string;
  readonly extensions: { readonly code: string; readonly traceId?: string };
}

export interface Reply<Data> {
  readonly status: number;
  readonly data: Data | null | undefined;
  readonly errors: readonly ReplyError[];
  readonly text: string;
}

/** One replica of the API. */
export interface Replica {
  readonly url: string;
  readonly origin: string;
  readonly feed: ChangeFeed;
  /** Sends an operation by POST. */
  post<Data>(query: string, variables?: object, token?: string): Promise<Reply<Data>>;
  close(): Promise<void>;
}

/** A database with a platform in it, and replicas of the API on it. */
export interface GraphqlHarness {
  readonly database: TestDatabase;
  readonly store: Store;
  readonly platform: { readonly operator: User; readonly organization: Organization };
  /** Clock of every replica, in milliseconds since the Unix epoch. */
  readonly clock: { nowMs: number };
  replica(options?: {
    readonly bounds?: Partial<GraphqlBounds>;
    readonly settings?: Partial<GraphqlServerOptions>;
  }): Promise<Replica>;
  close(): Promise<void>;
}

async function post<Data>(
  url: string,
  query: string,
  variables: object = {},
  token?: string,
): Promise<Reply<Data>> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({ query, variables }),
  });
  const text = await response.text();
  const body = JSON.parse(text) as { data?: Data | null; errors?: ReplyError[] };
  return { status: response.status, data: body.data, errors: body.errors ?? [], text };
}

/** The data of a reply. @throws when there are errors. */
export function dataOf<Data>(reply: Reply<Data>): Data {
  if (reply.errors.length > 0 || !reply.data) throw new Error(`${reply.status} ${reply.text}`);
  return reply.data;
}

export async function openHarness(): Promise<GraphqlHarness> {
  const database = await createTestDatabase();
  const store = await database.openStore();
  const passwords = createPasswordDesk({ concurrencyMax: 1, waitingMax: 100 });
  const operator = await ensureOperator(
    { store, passwords },
    { email: operatorEmail, displayName: 'Operator', password },
  );
  const created = await createOrganization(store, systemActor, {
    slug: 'demo',
    name: 'Demo',
    enabled: true,
    mustAudit: false,
    allowedOrigins: [],
    staleAfterSeconds: null,
    ownerId: operator.id,
  });
  if (!created.ok) throw new Error('The demo organization could not be made.');
  const platform = { operator, organization: created.value };
  const clock = { nowMs: Date.now() };
  const replicas: Replica[] = [];
  return {
    database,
    store,
    platform,
    clock,
    async replica({ bounds = {}, settings = {} } = {}) {
      const feed = await ChangeFeed.open({
        connection: database.roles.system,
        logger,
        pollIntervalMs: 200,
      });
      const server = await createGraphqlServer({
        store: await database.openStore(),
        feed,
        masterKeys: database.masterKeys,
        logger,
        registry: new Registry(),
        now: () => clock.nowMs,
        host: '127.0.0.1',
        port: 0,
        issuer: 'https://gateway.example.com',
        introspection: true,
        privateUpstreamsAllowed: true,
        privateIssuersAllowed: true,
        bounds: { closeTimeoutMs: 500, ...bounds },
        ...settings,
      }).catch(async (error: unknown) => {
        await feed.close();
        throw error;
      });
      const { url } = await server.listen();
      const replica: Replica = {
        url,
        feed,
        origin: new URL(url).origin,
        post: (query, variables, token) => post(url, query, variables, token),
        close: async () => {
          await server.close();
          await feed.close();
        },
      };
      replicas.push(replica);
      return replica;
    },
    async close() {
      await Promise.all(replicas.map((replica) => replica.close()));
      await database.drop();
    },
  };
}

/** Logs in and returns the access token. */
export async function logIn(replica: Replica, email: string, secret = password): Promise<string> {
  const reply = await replica.post<{ login: { accessToken: string } }>(
    'mutation($email: String!, $secret: String!) { login(email: $email, password: $secret) { accessToken } }',
    { email, secret },
  );
  return dataOf(reply).login.accessToken;
}
