import { Field, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import { CallCredentialKind, McpEra, ShadowOutcome } from './enums.ts';
import { PolicyEffect, PolicyMode } from './policy-enums.ts';
import { DateTime, JsonObject } from './scalars.ts';
import { payloadType } from './user-error.ts';

export const DecisionCause = {
  POLICY: 'policy',
  DEFAULT: 'default',
  EVALUATION_FAILED: 'evaluation_failed',
  IMPLICIT: 'implicit',
} as const;

registerEnumType(DecisionCause, {
  name: 'DecisionCause',
  description: 'Why a call was decided as it was.',
  valuesConfig: {
    POLICY: { description: 'A policy decided.' },
    DEFAULT: { description: 'No policy did, so that the organization’s default counts.' },
    EVALUATION_FAILED: {
      description: 'A condition can’t be evaluated on the call, which denies it.',
    },
    IMPLICIT: {
      description:
        'No policy is asked about it, or it is a list, which only a policy that names its method denies.',
    },
  },
});

const PolicyMismatch = {
  METHOD: 'method',
  SERVER: 'server',
  TARGET: 'target',
  SUBJECT: 'subject',
} as const;

registerEnumType(PolicyMismatch, {
  name: 'PolicyMismatch',
  description: 'Why a policy is not about a call; the first that holds.',
  valuesConfig: {
    METHOD: { description: 'Its methods don’t match.' },
    SERVER: { description: 'Its servers don’t match.' },
    TARGET: { description: 'Its tools, resources and prompts don’t match.' },
    SUBJECT: { description: 'It is about other callers.' },
  },
});

const ConditionResult = {
  TRUE: 'true',
  FALSE: 'false',
  FAILED: 'failed',
  UNKNOWN: 'unknown',
} as const;

registerEnumType(ConditionResult, {
  name: 'ConditionResult',
  description: 'What a policy’s condition comes to on a call.',
  valuesConfig: {
    TRUE: { description: 'It holds; a policy without one always does.' },
    FALSE: { description: 'It does not hold.' },
    FAILED: {
      description: 'It can’t be evaluated, such as when it reads an argument that is missing.',
    },
    UNKNOWN: { description: 'It reads arguments, and they are not known.' },
  },
});

@InputType('PrincipalInput', {
  description:
    'Who calls. Of an account of the organization, or one of its API keys, roles and scopes are filled as nodes would get them.',
})
export class PrincipalInput {
  @Field(() => String, {
    nullable: true,
    description: 'Stable subject, such as `user:<id>` or `service:<id>`, or an issuer’s.',
  })
  subject?: string | null;

  @Field(() => [String], {
    nullable: true,
    description: 'Roles, in place of those that are known.',
  })
  roles?: string[] | null;

  @Field(() => [String], {
    nullable: true,
    description: 'Scopes, in place of those that are known.',
  })
  scopes?: string[] | null;

  @Field(() => String, { nullable: true, description: 'Public id of an API key (`keyId`).' })
  credentialId?: string | null;

  @Field(() => CallCredentialKind, {
    nullable: true,
    description: 'What the caller is known by; left out: an API key when one is named.',
  })
  credentialKind?: string | null;
}

@InputType('CallInput', { description: 'A call that nobody need have made.' })
export class CallInput {
  @Field(() => PrincipalInput, { description: 'Who calls.' })
  principal!: PrincipalInput;

  @Field(() => String, { description: 'Slug of the server.' })
  server!: string;

  @Field(() => String, {
    nullable: true,
    description:
      'JSON-RPC method; left out: `tools/call`, `prompts/get` or `resources/read`, after what is named.',
  })
  method?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Name of the tool; of a task the tool that made it.',
  })
  tool?: string | null;

  @Field(() => String, { nullable: true, description: 'Name of the prompt.' })
  prompt?: string | null;

  @Field(() => String, { nullable: true, description: 'URI of the resource.' })
  uri?: string | null;

  @Field(() => JsonObject, { nullable: true, description: 'Arguments of the tool or prompt.' })
  args?: Record<string, unknown> | null;

  @Field(() => McpEra, {
    nullable: true,
    description: 'Protocol family; left out: the modern one.',
  })
  era?: string | null;

  @Field(() => String, { nullable: true, description: 'Name of the client.' })
  clientName?: string | null;

  @Field(() => String, { nullable: true, description: 'Version of the client.' })
  clientVersion?: string | null;

  @Field(() => String, { nullable: true, description: 'IP address of the client.' })
  address?: string | null;

  @Field(() => JsonObject, {
    nullable: true,
    description: 'Headers by name; only those that the organization lets conditions read count.',
  })
  headers?: Record<string, unknown> | null;

  @Field(() => DateTime, { nullable: true, description: 'When; left out: now.' })
  at?: Date | null;
}

@InputType('ExplainDecisionInput', { description: 'A call to decide and to explain.' })
export class ExplainDecisionInput extends CallInput {
  @Field(() => ID, { description: 'The organization that is called.' })
  organizationId!: string;
}

@ObjectType('NamedPolicy', { description: 'A policy as decisions name it.' })
export class NamedPolicyType {
  @Field(() => String, {
    description: 'Its id; of a policy that a draft adds `new:` and its name.',
  })
  id!: string;

  @Field(() => String, { description: 'Its name.' })
  name!: string;

  @Field(() => Int, { description: 'Its revision.' })
  revision!: number;

  @Field(() => PolicyEffect, { description: 'What it does with the calls that it is about.' })
  effect!: string;

  @Field(() => PolicyMode, { description: 'Whether it decides.' })
  mode!: string;

  @Field(() => String, { description: 'What callers are told that it denies.' })
  message!: string;
}

@ObjectType('ConsideredPolicy', { description: 'A policy’s part in a decision.' })
class ConsideredPolicyType {
  @Field(() => NamedPolicyType, { description: 'The policy.' })
  policy!: NamedPolicyType;

  @Field(() => PolicyMismatch, {
    nullable: true,
    description: 'Why it is not about the call; null: it is.',
  })
  mismatch!: string | null;

  @Field(() => ConditionResult, {
    nullable: true,
    description: 'What its condition comes to; null: it is not about the call.',
  })
  condition!: string | null;

  @Field(() => String, { nullable: true, description: 'Why its condition can’t be evaluated.' })
  error!: string | null;
}

@ObjectType('ShadowFinding', {
  description: 'What a policy in shadow mode would decide otherwise.',
})
class ShadowFindingType {
  @Field(() => NamedPolicyType, { description: 'The policy.' })
  policy!: NamedPolicyType;

  @Field(() => ShadowOutcome, { description: 'What it would decide.' })
  outcome!: string;
}

@ObjectType('DecidedPrincipal', { description: 'A caller as policies see it.' })
class DecidedPrincipalType {
  @Field(() => String, { description: 'Stable subject; empty: none.' })
  subject!: string;

  @Field(() => [String], { description: 'Roles.' })
  roles!: readonly string[];

  @Field(() => [String], { description: 'Scopes of the credential.' })
  scopes!: readonly string[];

  @Field(() => String, { description: 'Public id of the credential; empty: none.' })
  credentialId!: string;

  @Field(() => CallCredentialKind, { description: 'What the caller is known by.' })
  credentialKind!: string;
}

@ObjectType('DecisionExplanation', {
  description:
    'What an organization’s enabled policies make of a call, decided by the code that nodes run. What a node asks before them, such as scopes, is not.',
})
class DecisionExplanationType {
  @Field(() => Boolean, { description: 'Whether the call may go on.' })
  allowed!: boolean;

  @Field(() => DecisionCause, { description: 'Why.' })
  cause!: string;

  @Field(() => String, {
    nullable: true,
    description: 'Stable reason by which a node would refuse it; null: it is allowed.',
  })
  reason!: string | null;

  @Field(() => NamedPolicyType, {
    nullable: true,
    description: 'The policy that decides; null: none does.',
  })
  policy!: NamedPolicyType | null;

  @Field(() => String, {
    nullable: true,
    description: 'Why the deciding condition can’t be evaluated; null: it can.',
  })
  error!: string | null;

  @Field(() => Boolean, {
    description:
      'It is allowed as far as can be told without arguments, which calls of this method don’t carry.',
  })
  argumentsMissing!: boolean;

  @Field(() => [ShadowFindingType], {
    description: 'What policies in shadow mode would decide otherwise; at most 8.',
  })
  shadow!: readonly ShadowFindingType[];

  @Field(() => [ConsideredPolicyType], {
    description:
      'The enabled policies that are about the call, then the others, each in their order; at most 200.',
  })
  considered!: readonly ConsideredPolicyType[];

  @Field(() => Int, { description: 'Enabled policies of the organization.' })
  consideredCount!: number;

  @Field(() => DecidedPrincipalType, { description: 'The caller, with what was filled.' })
  principal!: DecidedPrincipalType;

  @Field(() => String, { description: 'The method that was decided.' })
  method!: string;

  @Field(() => String, {
    description:
      'What it is about: the tool, the prompt, or the URI in canonical form; empty: none.',
  })
  target!: string;

  @Field(() => Boolean, { description: 'Whether the tool’s definition is approved.' })
  toolApproved!: boolean;
}

export const ExplainDecisionPayload = payloadType(
  'ExplainDecisionPayload',
  'A decision with everything that it is made of.',
  { explanation: { type: () => DecisionExplanationType, description: 'The decision.' } },
);
