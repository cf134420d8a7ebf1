/** SQLSTATEs of a log-in that PostgreSQL refuses. */
const refusedLogins: ReadonlySet<unknown> = new Set(['28000', '28P01']);
const unknownDatabase = '3D000';

function messageOf(error: Error): string {
  // A host with several addresses: each has an error of its own, and the whole has no text.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : undefined;
  return first instanceof Error ? first.message : error.message;
}

/**
 * Why PostgreSQL could not be used at start, in a sentence that says what to look at; any other error as
 * it is.
 */
export function explainDatabaseFailure(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code, syscall } = error as NodeJS.ErrnoException;
  const isUnreachable = error instanceof AggregateError || syscall === 'getaddrinfo';
  if (isUnreachable || syscall === 'connect') {
    const message = `PostgreSQL can’t be reached (${messageOf(error)}). Check MCPGW_DATABASE_URL.`;
    return new Error(message, { cause: error });
  }
  if (code === unknownDatabase) {
    const message = `PostgreSQL has no such database (${error.message}). Check MCPGW_DATABASE_URL.`;
    return new Error(message, { cause: error });
  }
  if (!refusedLogins.has(code)) return error;
  return new Error(
    `PostgreSQL refused a role (${error.message}). Run \`control-plane migrate\` first, with the same master key, and check MCPGW_DATABASE_URL.`,
    { cause: error },
  );
}
