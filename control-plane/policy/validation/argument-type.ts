import {
  bool,
  type ConditionType,
  dyn,
  eitherType,
  listOf,
  type ObjectType,
  string,
} from './condition-type.ts';

type Schema = Readonly<Record<string, unknown>>;

/** How deep a schema is read; what lies deeper is of any type. */
const schemaDepthMax = 16;
/** Most fields that are read of one schema. */
const schemaFieldsMax = 1000;

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The type of the arguments that a tool takes, by the JSON Schema of its input; undefined: it says nothing. */
function argumentsType(inputSchema: unknown): ObjectType | undefined {
  if (!isSchema(inputSchema) || !isSchema(inputSchema['properties'])) return undefined;
  return objectType(inputSchema, 'args', 0);
}

function objectType(schema: Schema, name: string, depth: number): ObjectType {
  const properties = isSchema(schema['properties']) ? schema['properties'] : {};
  const fields = new Map<string, ConditionType>();
  for (const [field, value] of Object.entries(properties).slice(0, schemaFieldsMax)) {
    fields.set(field, schemaType(value, `${name}.${field}`, depth + 1));
  }
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  // Other keywords that add fields, and references, are not followed.
  const adds = ['patternProperties', 'allOf', 'anyOf', 'oneOf', 'if', '$ref'].some(
    (keyword) => keyword in schema,
  );
  return {
    kind: 'object',
    name,
    fields,
    always: new Set(required.filter((field) => typeof field === 'string')),
    isOpen: adds || schema['additionalProperties'] !== false,
  };
}

function schemaType(value: unknown, name: string, depth: number): ConditionType {
  if (!isSchema(value) || depth > schemaDepthMax) return dyn;
  const types = value['type'];
  if (Array.isArray(types)) {
    const known = types.filter((type) => type !== 'null');
    return known.length === 1 ? typeOf(known[0], value, name, depth) : dyn;
  }
  if (types === undefined && Array.isArray(value['enum'])) return enumType(value['enum']);
  return typeOf(types, value, name, depth);
}

function typeOf(type: unknown, schema: Schema, name: string, depth: number): ConditionType {
  switch (type) {
    case 'string':
      return Array.isArray(schema['enum']) ? enumType(schema['enum']) : string;
    case 'boolean':
      return bool;
    case 'integer':
      return { kind: 'int' };
    case 'number':
      // 5 arrives as an int, 5.5 as a double: what takes only one of them fails for the other.
      return dyn;
    case 'array':
      return listOf(schemaType(schema['items'], `${name}[]`, depth + 1));
    case 'object':
      return isSchema(schema['properties']) ? objectType(schema, name, depth) : dyn;
    default:
      return dyn;
  }
}

function enumType(values: readonly unknown[]): ConditionType {
  const texts = values.filter((value) => typeof value === 'string');
  return texts.length === values.length ? { kind: 'string', values: texts } : dyn;
}

/** Arguments that are those of any of several tools; undefined: nothing is known of one of them. */
export function eitherArguments(inputSchemas: readonly unknown[]): ConditionType | undefined {
  const types = inputSchemas.map(argumentsType);
  return types.reduce<ConditionType | undefined>(
    (joined, type, index) =>
      index === 0 || joined === undefined || type === undefined
        ? index === 0
          ? type
          : undefined
        : eitherType(joined, type),
    undefined,
  );
}
