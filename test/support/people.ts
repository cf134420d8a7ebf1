import { fetch } from 'undici';

/** An error of a GraphQL reply, with what the API adds. */
interface PeopleError {
  readonly message: string;
  readonly extensions: {
    readonly code: string;
    readonly reason?: string;
    readonly retryAfterSeconds?: number;
  };
}

export interface PeopleReply<Data> {
  readonly data: Data | null | undefined;
  readonly errors: readonly PeopleError[];
}

/** Who sends an operation, and from where. */
export interface Sender {
  readonly url: string;
  readonly token?: string | undefined;
  /** Counts when the API trusts its peer as a proxy. */
  readonly address?: string | undefined;
  readonly userAgent?: string | undefined;
}

/** Settings of a replica that believes what a test says of addresses. */
export const trustsTheTest = { trustedProxies: ['127.0.0.1'] } as const;

export async function send<Data>(
  { url, token, address, userAgent }: Sender,
  query: string,
  variables: object = {},
): Promise<PeopleReply<Data>> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'user-agent': userAgent ?? 'test',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(address !== undefined && { 'x-forwarded-for': address }),
    },
    body: JSON.stringify({ query, variables }),
  });
  const body = (await response.json()) as { data?: Data | null; errors?: PeopleError[] };
  return { data: body.data, errors: body.errors ?? [] };
}

/** The data of a reply. @throws when there are errors. */
export function good<Data>(reply: PeopleReply<Data>): Data {
  if (reply.errors.length > 0 || !reply.data) throw new Error(JSON.stringify(reply.errors));
  return reply.data;
}

/** What the first error says, for programs. */
export function faultOf({ errors }: PeopleReply<unknown>): string | undefined {
  const { code, reason } = errors[0]?.extensions ?? {};
  return reason ?? code;
}

export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly expiresAt: string;
  readonly refreshTokenExpiresAt: string;
}

const tokenFields = 'accessToken expiresAt refreshToken refreshTokenExpiresAt';

export async function tryLogin(
  sender: Sender,
  email: string,
  password: string,
): Promise<PeopleReply<{ login: Tokens }>> {
  return send(
    sender,
    `mutation($email: String!, $password: String!) { login(email: $email, password: $password) { ${tokenFields} } }`,
    { email, password },
  );
}

export async function login(sender: Sender, email: string, password: string): Promise<Tokens> {
  return good(await tryLogin(sender, email, password)).login;
}

export function refresh(
  sender: Sender,
  refreshToken: string,
): Promise<PeopleReply<{ refresh: Tokens }>> {
  return send(
    sender,
    `mutation($token: String!) { refresh(refreshToken: $token) { ${tokenFields} } }`,
    { token: refreshToken },
  );
}

/** A question that anybody with a standing session may ask. */
export function whoAmI(sender: Sender): Promise<PeopleReply<{ viewer: object }>> {
  return send(sender, '{ viewer { user { id email version } } }');
}

/** A mutation with an input and a payload: the payload's fields, and codes of what was wrong by path. */
export async function mutate<Fields extends object>(
  sender: Sender,
  name: string,
  input: object,
  fields: string,
): Promise<Fields & { readonly faults: readonly string[] }> {
  const type = `${name[0]?.toUpperCase()}${name.slice(1)}Input`;
  const reply = await send<
    Record<string, Fields & { userErrors: { path: string[]; code: string }[] }>
  >(
    sender,
    `mutation($input: ${type}!) { ${name}(input: $input) { ${fields} userErrors { path code } } }`,
    { input },
  );
  const payload = good(reply)[name];
  if (payload === undefined) throw new Error(`${name} has no payload.`);
  const faults = payload.userErrors.map(({ path, code }) => `${path.join('.')} ${code}`);
  return { ...payload, faults };
}

/** Makes an account; the sender is an operator. */
export async function makeUser(sender: Sender, email: string, password: string): Promise<string> {
  const { user } = await mutate<{ user: { id: string } }>(
    sender,
    'createUser',
    { email, displayName: email, password },
    'user { id }',
  );
  return user.id;
}

/** Value of a sample in an exposition of metrics; 0 when it is not there. */
export async function metric(url: string, sample: string): Promise<number> {
  const text = await (await fetch(new URL('/metrics', url))).text();
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${sample} `));
  return Number(line?.split(' ').at(-1) ?? 0);
}
