interface GraphqlResponse<Data> {
  readonly data?: Data | null;
  readonly errors?: readonly { readonly message: string }[];
}

const requestTimeoutMs = 10_000;

/** A minimal GraphQL client: the quickstart sets everything up as any automation would, through the API. */
export class GraphqlClient {
  readonly #url: string;
  readonly #signal: AbortSignal;
  #token: string | undefined;

  /** `signal` ends requests that are under way. */
  constructor(url: string, signal: AbortSignal) {
    this.#url = url;
    this.#signal = signal;
  }

  authenticate(accessToken: string): void {
    this.#token = accessToken;
  }

  /** @throws {Error} with the API's own message when the operation failed. */
  async request<Data>(query: string, variables: Record<string, unknown> = {}): Promise<Data> {
    const response = await fetch(this.#url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
      },
      body: JSON.stringify({ query, variables }),
      signal: AbortSignal.any([this.#signal, AbortSignal.timeout(requestTimeoutMs)]),
    });
    const { data, errors } = (await response.json()) as GraphqlResponse<Data>;
    if (errors !== undefined || data === undefined || data === null) {
      throw new Error(
        errors?.map(({ message }) => message).join('; ') ?? `HTTP ${response.status}`,
      );
    }
    return data;
  }
}

/** What a mutation says when the input was not right. */
export interface UserError {
  readonly path: readonly string[];
  readonly message: string;
}

/** The mutation's result. @throws {Error} with its `userErrors` when it took no effect. */
export function unwrap<T>(
  payload: { readonly userErrors: readonly UserError[] },
  result: T | null,
): T {
  if (payload.userErrors.length > 0 || result === null) {
    const sentences = payload.userErrors.map(
      ({ path, message }) => `${path.join('.')}: ${message}`,
    );
    throw new Error(`The demo organization could not be set up. ${sentences.join(' ')}`);
  }
  return result;
}
