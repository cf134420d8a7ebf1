import { createHash } from 'node:crypto';
import { canonicalJson, type JsonObject, storableJson } from '../audit/canonical-json.ts';
import { isStorableText } from '../input/text-rules.ts';

/** What a server may offer a definition of, as the database names it. */
export const definitionKinds = ['tool', 'prompt', 'resource_template', 'resource'] as const;
export type DefinitionKind = (typeof definitionKinds)[number];

/** Bounds on what is kept of one server; what lies beyond is left out. */
export const definitionBounds = {
  /** Over all kinds. */
  definitionsMax: 2000,
  /** Of one definition in canonical form. */
  definitionBytesMax: 64 * 1024,
  /** Of all definitions together. */
  bytesMax: 5 * 1024 * 1024,
  nameBytesMax: 2048,
  depthMax: 64,
  /** Numbers with an exponent: PostgreSQL writes each out in full, up to 300 digits. */
  exponentsMax: 100,
} as const;

/** What a server offers, in the form that it is kept in. */
export interface OfferedDefinition {
  readonly kind: DefinitionKind;
  /** Name of a tool or prompt, URI or URI template of a resource. */
  readonly name: string;
  /** Without what PostgreSQL can't store, which the hash covers all the same. */
  readonly definition: JsonObject;
  /** SHA-256 of the canonical form (RFC 8785) of everything but `notPinned`, lower-case hex. */
  readonly sha256: string;
  /** Length of the canonical form. */
  readonly bytes: number;
}

/** Why something that a server listed is not kept. */
export type LeftOut = 'not_a_definition' | 'too_large' | 'named_twice' | 'too_many';

/**
 * What is no part of a definition: `_meta`, which says nothing to who reads the tool, and `execution`, which a
 * server of both eras says to legacy clients alone: one tool would have two hashes.
 */
const notPinned: ReadonlySet<string> = new Set(['_meta', 'execution']);

const nameMembers: Readonly<Record<DefinitionKind, string>> = {
  tool: 'name',
  prompt: 'name',
  resource_template: 'uriTemplate',
  resource: 'uri',
};

/** Everything in a value, level by level: it may be nested as deep as it is long, which no stack would hold. */
function* levelsOf(value: unknown): Generator<readonly unknown[]> {
  let level = [value];
  while (level.length > 0) {
    yield level;
    const containers = level.filter((item) => typeof item === 'object' && item !== null);
    level = containers.flatMap((item) => Object.values(item as object) as unknown[]);
  }
}

/** Whether the value can be walked, hashed and stored. */
function isWithinBounds(value: unknown): boolean {
  const { depthMax, exponentsMax } = definitionBounds;
  let depth = 0;
  let exponents = 0;
  for (const level of levelsOf(value)) {
    const numbers = level.filter((item) => typeof item === 'number');
    exponents += numbers.filter((item) => String(item).includes('e')).length;
    depth += 1;
    if (depth > depthMax || exponents > exponentsMax) return false;
    if (!numbers.every(Number.isFinite)) return false;
  }
  return true;
}

function isName(name: unknown): name is string {
  if (typeof name !== 'string' || name === '' || !isStorableText(name)) return false;
  return Buffer.byteLength(name) <= definitionBounds.nameBytesMax;
}

/**
 * Reads one item of a list, as `JSON.parse` gave it. All else that a client sees counts, also what this build
 * knows nothing of.
 */
export function readDefinition(kind: DefinitionKind, item: unknown): OfferedDefinition | LeftOut {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) return 'not_a_definition';
  const members: JsonObject = Object.fromEntries(
    Object.entries(item as JsonObject).filter(([member]) => !notPinned.has(member)),
  );
  const name = members[nameMembers[kind]];
  if (!isName(name)) return 'not_a_definition';
  if (!isWithinBounds(members)) return 'too_large';
  const canonical = canonicalJson(members);
  const bytes = Buffer.byteLength(canonical);
  if (bytes > definitionBounds.definitionBytesMax) return 'too_large';
  const sha256 = createHash('sha256').update(canonical).digest('hex');
  return { kind, name, definition: storableJson(members), sha256, bytes };
}

/** Collects what is kept of one server, within the bounds, and why the rest is not. */
export class DefinitionCollector {
  readonly #kept = new Map<string, OfferedDefinition>();
  readonly #leftOut = new Map<LeftOut, number>();
  #bytes = 0;

  add(kind: DefinitionKind, item: unknown): void {
    const read = readDefinition(kind, item);
    if (typeof read === 'string') {
      this.#leaveOut(read);
      return;
    }
    const key = `${kind}/${read.name}`;
    if (this.#kept.has(key)) this.#leaveOut('named_twice');
    else if (!this.#hasRoom(read)) this.#leaveOut('too_many');
    else {
      this.#kept.set(key, read);
      this.#bytes += read.bytes;
    }
  }

  get definitions(): readonly OfferedDefinition[] {
    return [...this.#kept.values()];
  }

  /** How many were left out for which reason. */
  get leftOut(): ReadonlyMap<LeftOut, number> {
    return this.#leftOut;
  }

  #hasRoom({ bytes }: OfferedDefinition): boolean {
    const { definitionsMax, bytesMax } = definitionBounds;
    return this.#kept.size < definitionsMax && this.#bytes + bytes <= bytesMax;
  }

  #leaveOut(reason: LeftOut): void {
    this.#leftOut.set(reason, (this.#leftOut.get(reason) ?? 0) + 1);
  }
}
