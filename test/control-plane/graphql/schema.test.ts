import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import {
  type GraphQLNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isSpecifiedScalarType,
} from 'graphql';
import { buildGraphqlSchema, emitSchema } from '../../../control-plane/graphql/schema.ts';

type Described = readonly [path: string, description: string | null | undefined];

function partsOf(type: GraphQLNamedType): Described[] {
  const parts: Described[] = [[type.name, type.description]];
  if (isEnumType(type)) {
    for (const value of type.getValues()) {
      parts.push([`${type.name}.${value.name}`, value.description]);
    }
  }
  if (isInputObjectType(type)) {
    for (const field of Object.values(type.getFields())) {
      parts.push([`${type.name}.${field.name}`, field.description]);
    }
  }
  if (isObjectType(type) || isInterfaceType(type)) {
    for (const field of Object.values(type.getFields())) {
      parts.push([`${type.name}.${field.name}`, field.description]);
      for (const argument of field.args) {
        parts.push([`${type.name}.${field.name}(${argument.name})`, argument.description]);
      }
    }
  }
  return parts;
}

describe('the schema', () => {
  test('is what schema.graphql says', () => {
    const file = new URL('../../../schema.graphql', import.meta.url);
    expect(emitSchema()).toBe(readFileSync(file, 'utf8'));
  });

  test('describes every type, field, argument and enum value in a sentence', () => {
    const roots = ['Query', 'Mutation', 'Subscription'];
    const undescribed = Object.values(buildGraphqlSchema().getTypeMap())
      .filter((type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type))
      .flatMap(partsOf)
      .filter(([path]) => !roots.includes(path))
      .filter(([, description]) => !/^[A-Z`].*[.…`]$/s.test(description?.trim() ?? ''))
      .map(([path]) => path);
    // Scalars of graphql-scalars bring their own texts.
    expect(
      undescribed.filter((path) => !['DateTimeISO', 'JSONObject', 'SafeInt'].includes(path)),
    ).toEqual([]);
  });
});
