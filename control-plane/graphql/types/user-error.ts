import { type ClassType, Field, Int, ObjectType, registerEnumType } from 'type-graphql';
import { type Outcome, type ViolationCode, violationCodes } from '../../input/violation.ts';
import { PolicyFindingCode } from './policy-finding-code.ts';

const UserErrorCode = Object.fromEntries(
  Object.keys(violationCodes).map((code) => [code, code]),
) as { readonly [Code in ViolationCode]: Code };

registerEnumType(UserErrorCode, {
  name: 'UserErrorCode',
  description: 'What is wrong with a value that a caller gave. Codes are stable; messages are not.',
  valuesConfig: Object.fromEntries(
    Object.entries(violationCodes).map(([code, description]) => [code, { description }]),
  ),
});

@ObjectType('UserError', {
  description: 'Something in the input that the caller can mend. Nothing was written.',
})
export class UserErrorType {
  @Field(() => [String], {
    description:
      'Where in the mutation’s input, from its top, such as `["endpoints", "0", "url"]`; empty for the input as a whole.',
  })
  path!: readonly string[];

  @Field(() => UserErrorCode, { description: 'What is wrong, for programs.' })
  code!: ViolationCode;

  @Field(() => String, { description: 'What is wrong, for people.' })
  message!: string;

  @Field(() => PolicyFindingCode, {
    nullable: true,
    description: 'With `INVALID_POLICY`: what validation found.',
  })
  finding?: string;

  @Field(() => Int, {
    nullable: true,
    description: 'Line in a text of several lines, from 1; null: it is about no place in a text.',
  })
  line?: number;

  @Field(() => Int, { nullable: true, description: 'Column in that line, from 1.' })
  column?: number;

  @Field(() => String, { nullable: true, description: 'What to write instead, if that is known.' })
  hint?: string;
}

/** What a mutation's resolver returns: the object, or what was wrong. */
export interface PayloadValue {
  readonly userErrors: readonly UserErrorType[];
  readonly [field: string]: unknown;
}

interface PayloadField {
  readonly type: () => ClassType | object;
  readonly description: string;
}

/** Declares the payload of a mutation: its own fields, null when there are `userErrors`. */
export function payloadType(
  name: string,
  description: string,
  fields: Readonly<Record<string, PayloadField>>,
): ClassType<PayloadValue> {
  @ObjectType(name, { description })
  class Payload {
    readonly [field: string]: unknown;

    @Field(() => [UserErrorType], {
      description: 'What the caller can mend; empty when the mutation took effect.',
    })
    userErrors!: readonly UserErrorType[];
  }
  for (const [field, { type, description: text }] of Object.entries(fields)) {
    Field(type, { nullable: true, description: text })(Payload.prototype, field);
  }
  return Payload;
}

/** A service's outcome as a payload; `fields` names the payload's fields from the result. */
export function payload<T>(
  outcome: Outcome<T>,
  fields: (value: T) => Readonly<Record<string, unknown>>,
): PayloadValue {
  if (!outcome.ok) return { userErrors: outcome.violations };
  return { ...fields(outcome.value), userErrors: [] };
}
