import { isStorableText } from '../input/text-rules.ts';
import { done, type Outcome, refused, type Violation, violation } from '../input/violation.ts';

export const templateParameterKinds = ['TEXT', 'TEXT_LIST', 'INT', 'INT_LIST'] as const;
export type TemplateParameterKind = (typeof templateParameterKinds)[number];

/** A word that a template leaves open. */
export interface PolicyTemplateParameter {
  readonly name: string;
  readonly description: string;
  readonly kind: TemplateParameterKind;
  /** Null: it has to be given. */
  readonly defaultValue: string | number | readonly string[] | readonly number[] | null;
}

/** Parameters of the right kinds; each is asked for by its own kind. */
export interface ReadParameters {
  text(name: string): string;
  int(name: string): number;
  textList(name: string): readonly string[];
  intList(name: string): readonly number[];
}

/** Most items of a list. */
const itemsMax = 100;
/** Most characters of a text. */
const charactersMax = 400;

/** Takes parameters by name, each of its kind. A name that the template doesn't know is a violation. */
export function readParameters(
  parameters: readonly PolicyTemplateParameter[],
  given: Readonly<Record<string, unknown>>,
): Outcome<ReadParameters> {
  const values = new Map<string, unknown>();
  const violations: Violation[] = [];
  for (const { name, kind, defaultValue } of parameters) {
    const value = (Object.hasOwn(given, name) ? given[name] : undefined) ?? defaultValue;
    values.set(name, value);
    if (value === null) violations.push(violation(name, 'REQUIRED', 'A value is needed.'));
    else if (!isOfKind(value, kind))
      violations.push(violation(name, 'INVALID_FORMAT', kinds[kind]));
  }
  for (const name of Object.keys(given)) {
    if (!values.has(name)) {
      violations.push(violation(name, 'NOT_FOUND', 'The template has no such parameter.'));
    }
  }
  return violations.length > 0 ? refused(...violations) : done(reader(values));
}

const kinds: Readonly<Record<TemplateParameterKind, string>> = {
  TEXT: `A text of at most ${charactersMax} characters.`,
  TEXT_LIST: `At most ${itemsMax} texts of at most ${charactersMax} characters.`,
  INT: 'An integer.',
  INT_LIST: `At most ${itemsMax} integers.`,
};

function isOfKind(value: unknown, kind: TemplateParameterKind): boolean {
  switch (kind) {
    case 'TEXT':
      return isText(value);
    case 'INT':
      return Number.isSafeInteger(value);
    case 'TEXT_LIST':
      return isList(value, isText);
    case 'INT_LIST':
      return isList(value, Number.isSafeInteger);
  }
}

function isText(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value !== '' &&
    value.length <= charactersMax &&
    isStorableText(value)
  );
}

function isList(value: unknown, isItem: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.length <= itemsMax && value.every(isItem);
}

function reader(values: ReadonlyMap<string, unknown>): ReadParameters {
  const list = (name: string): readonly unknown[] => {
    const value = values.get(name);
    return Array.isArray(value) ? value : [];
  };
  return {
    text: (name) => String(values.get(name)),
    int: (name) => Number(values.get(name)),
    textList: (name) => list(name).map(String),
    intList: (name) => list(name).map(Number),
  };
}
