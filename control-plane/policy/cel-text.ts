/** A text as CEL writes it; its escapes are those of JSON. */
export function celText(text: string): string {
  return JSON.stringify(text);
}

/** Words that can't be a field's name behind a dot. */
const reserved = new Set(
  'as break const continue else false for function if import in let loop namespace null package return true var void while'.split(
    ' ',
  ),
);

function isField(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !reserved.has(name);
}

/** The term that says whether a call has an argument. */
export function hasArgument(name: string): string {
  return isField(name) ? `has(args.${name})` : `${celText(name)} in args`;
}

/** The term that reads an argument. */
export function readArgument(name: string): string {
  return isField(name) ? `args.${name}` : `args[${celText(name)}]`;
}
