import { readFile, stat } from 'node:fs/promises';
import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  parse,
  validate,
} from 'graphql';
import { z } from 'zod';
import { checkAliases, checkTokens, type OperationBounds } from '../operation-bounds.ts';

/** The operations that may run, and nothing else. */
export interface OperationManifest {
  /** Documents by the id that their client sends. */
  readonly byId: ReadonlyMap<string, string>;
  readonly documents: ReadonlySet<string>;
}

const manifestBytesMax = 16 * 1024 * 1024;
const operationsMax = 10_000;
/** A broken manifest is often broken everywhere in the same way. */
const problemsShownMax = 10;

/** What `generate-persisted-query-manifest` of Apollo writes. */
const manifestFile = z.object({
  format: z.literal('apollo-persisted-query-manifest'),
  version: z.literal(1),
  operations: z
    .array(
      z.object({
        id: z.string().min(1).max(256),
        name: z.string(),
        type: z.enum(['query', 'mutation', 'subscription']),
        body: z.string().min(1),
      }),
    )
    .max(operationsMax),
});
type ListedOperation = z.output<typeof manifestFile>['operations'][number];

/** A manifest that can't be used, with what an operator has to mend. */
class OperationManifestError extends Error {
  constructor(file: string, problems: readonly string[]) {
    const shown = problems.slice(0, problemsShownMax).map((problem) => `  ${problem}`);
    const more = problems.length - shown.length;
    if (more > 0) shown.push(`  and ${more} more`);
    super(`The manifest of persisted queries ${file} can't be used:\n${shown.join('\n')}`);
    this.name = 'OperationManifestError';
  }
}

function operationsOf(document: DocumentNode): OperationDefinitionNode[] {
  return document.definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION);
}

/** What is wrong with one operation, or nothing. */
function problemOf(
  { name, type, body }: ListedOperation,
  schema: GraphQLSchema,
  bounds: OperationBounds,
): string | undefined {
  try {
    checkTokens(body, bounds);
    const document = parse(body);
    checkAliases(document, bounds);
    const [operation, ...others] = operationsOf(document);
    if (operation === undefined || others.length > 0) return 'holds not exactly one operation';
    if (operation.name?.value !== name) return `is called ${operation.name?.value ?? 'nothing'}`;
    if (operation.operation !== type) return `is a ${operation.operation}, not a ${type}`;
    return validate(schema, document).at(0)?.message;
  } catch (error) {
    if (error instanceof GraphQLError) return error.message;
    throw error;
  }
}

/** Reads what the manifest says: everything that is wrong with it, or its operations. */
function readManifest(
  text: string,
  schema: GraphQLSchema,
  bounds: OperationBounds,
): OperationManifest | { readonly problems: readonly string[] } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { problems: ['It is not JSON.'] };
  }
  const parsed = manifestFile.safeParse(json);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(
      ({ path, message }) => `${path.length === 0 ? 'manifest' : path.join('.')}: ${message}`,
    );
    return { problems };
  }
  const { operations } = parsed.data;
  const byId = new Map<string, string>();
  const problems: string[] = [];
  for (const [index, operation] of operations.entries()) {
    const { id, name, body } = operation;
    const problem = byId.has(id)
      ? 'has the id of an operation before it'
      : problemOf(operation, schema, bounds);
    if (problem !== undefined) problems.push(`operations.${index} (${name}): ${problem}`);
    byId.set(id, body);
  }
  return problems.length > 0 ? { problems } : { byId, documents: new Set(byId.values()) };
}

/**
 * Reads a manifest and checks each operation against the schema and the bounds, so that one that can never
 * run shows up at the start and not with a client.
 * @throws {OperationManifestError}
 */
export async function loadOperationManifest(
  file: string,
  schema: GraphQLSchema,
  bounds: OperationBounds,
): Promise<OperationManifest> {
  let text: string;
  try {
    if ((await stat(file)).size > manifestBytesMax) {
      throw new OperationManifestError(file, [`It is larger than ${manifestBytesMax} bytes.`]);
    }
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof OperationManifestError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new OperationManifestError(file, [`It can't be read (${code ?? 'unknown'}).`]);
  }
  const read = readManifest(text, schema, bounds);
  if ('problems' in read) throw new OperationManifestError(file, read.problems);
  return read;
}
