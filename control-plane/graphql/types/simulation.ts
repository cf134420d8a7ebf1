import { Field, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import { CallDecision } from './enums.ts';
import { PolicyDefinitionInput } from './policy.ts';
import { DecisionCause, NamedPolicyType } from './policy-decision.ts';
import { PolicyDefault } from './policy-enums.ts';
import { DateTime } from './scalars.ts';
import { payloadType } from './user-error.ts';

const SimulationCut = { CALLS: 'calls', TIME: 'time' } as const;

registerEnumType(SimulationCut, {
  name: 'SimulationCut',
  description:
    'Why a simulation did not look at all calls of its period; it begins with the newest.',
  valuesConfig: {
    CALLS: { description: 'There are more than one simulation looks at.' },
    TIME: { description: 'It took as long as one simulation may.' },
  },
});

const SimulatedChange = {
  NEWLY_DENIED: 'newly_denied',
  NEWLY_ALLOWED: 'newly_allowed',
  UNKNOWN: 'unknown',
} as const;

registerEnumType(SimulatedChange, {
  name: 'SimulatedChange',
  description: 'What a draft would change about a call.',
  valuesConfig: {
    NEWLY_DENIED: { description: 'It is allowed now, and would be denied.' },
    NEWLY_ALLOWED: { description: 'It is denied now, and would be allowed.' },
    UNKNOWN: { description: 'It can’t be told from the call’s record.' },
  },
});

const UnknownCause = {
  ARGUMENTS: 'arguments',
  TARGET: 'target',
  SERVER: 'server',
  CALLER: 'caller',
} as const;

registerEnumType(UnknownCause, {
  name: 'SimulationUnknownCause',
  description: 'Why it can’t be told what a draft would make of a call.',
  valuesConfig: {
    ARGUMENTS: {
      description: 'A condition reads arguments that were not kept, or only without their secrets.',
    },
    TARGET: { description: 'The record does not say what the call was about.' },
    SERVER: { description: 'The server has been deleted since.' },
    CALLER: { description: 'The record is of a release that did not say who called.' },
  },
});

@InputType('DraftPolicyInput', { description: 'What an existing policy would say.' })
export class DraftPolicyInput extends PolicyDefinitionInput {
  @Field(() => ID, { description: 'The policy.' })
  id!: string;
}

@InputType('PolicyDraftInput', {
  description: 'What an organization’s policies might become; what it doesn’t name stays.',
})
export class PolicyDraftInput {
  @Field(() => [PolicyDefinitionInput], {
    defaultValue: [],
    description: 'New policies, last in the order.',
  })
  add!: PolicyDefinitionInput[];

  @Field(() => [DraftPolicyInput], {
    defaultValue: [],
    description: 'Policies that would say something else; their place stays.',
  })
  replace!: DraftPolicyInput[];

  @Field(() => [ID], { defaultValue: [], description: 'Policies that would be deleted.' })
  remove!: string[];

  @Field(() => PolicyDefault, { nullable: true, description: 'The default; null: as it is.' })
  policyDefault?: string | null;
}

@InputType('RecordedPeriodInput', { description: 'Calls by when their records were stored.' })
export class RecordedPeriodInput {
  @Field(() => DateTime, { description: 'From this time on.' })
  since!: Date;

  @Field(() => DateTime, { description: 'Before this time.' })
  until!: Date;
}

@InputType('SimulatePoliciesInput', { description: 'What to try, and on which calls.' })
export class SimulatePoliciesInput {
  @Field(() => ID, { description: 'The organization.' })
  organizationId!: string;

  @Field(() => PolicyDraftInput, { description: 'What its policies might become.' })
  draft!: PolicyDraftInput;

  @Field(() => RecordedPeriodInput, { description: 'The calls to try it on.' })
  over!: RecordedPeriodInput;

  @Field(() => Int, {
    defaultValue: 10,
    description: 'Examples of each kind of change, at most 100.',
  })
  samples!: number;
}

@ObjectType('SimulationTotals', { description: 'How many calls came to what.' })
class SimulationTotalsType {
  @Field(() => Int, { description: 'Calls that were looked at; a long stream counts once.' })
  calls!: number;

  @Field(() => Int, { description: 'Allowed now, denied by the draft.' })
  newlyDenied!: number;

  @Field(() => Int, { description: 'Denied now, allowed by the draft.' })
  newlyAllowed!: number;

  @Field(() => Int, { description: 'Decided alike.' })
  unchanged!: number;

  @Field(() => Int, { description: 'Nobody can tell from their records.' })
  unknown!: number;

  @Field(() => Int, { description: 'Refused by something else than policies.' })
  undecided!: number;

  @Field(() => Int, {
    description:
      'Decided otherwise by the policies as they are now than when they were made; among the calls above.',
  })
  changedSince!: number;
}

@ObjectType('SimulationProgress', { description: 'How far a simulation is.' })
class SimulationProgressType {
  @Field(() => SimulationTotalsType, { description: 'What the calls so far came to.' })
  totals!: SimulationTotalsType;

  @Field(() => DateTime, {
    nullable: true,
    description:
      'It began with the newest calls and has come to this time; null: it found none yet.',
  })
  reached!: Date | null;

  @Field(() => Int, { description: 'Milliseconds so far.' })
  elapsedMs!: number;
}

@ObjectType('SimulatedPolicyChange', { description: 'Changes that are due to one policy.' })
class SimulatedPolicyChangeType {
  @Field(() => NamedPolicyType, {
    nullable: true,
    description:
      'What denies, or of newly allowed calls what allows them, or else what denied them; null: the default.',
  })
  policy!: NamedPolicyType | null;

  @Field(() => Int, { description: 'Allowed now, denied by the draft.' })
  newlyDenied!: number;

  @Field(() => Int, { description: 'Denied now, allowed by the draft.' })
  newlyAllowed!: number;
}

@ObjectType('SimulatedToolChange', {
  description: 'Changes of calls to one tool, prompt or resource.',
})
class SimulatedToolChangeType {
  @Field(() => ID, { nullable: true, description: 'The server.' })
  serverId!: string | null;

  @Field(() => String, { description: 'Its slug; empty: it has been deleted.' })
  server!: string;

  @Field(() => String, { description: 'The method.' })
  method!: string;

  @Field(() => String, { description: 'Tool, prompt or resource; empty: none.' })
  target!: string;

  @Field(() => Int, { description: 'Allowed now, denied by the draft.' })
  newlyDenied!: number;

  @Field(() => Int, { description: 'Denied now, allowed by the draft.' })
  newlyAllowed!: number;

  @Field(() => Int, { description: 'Nobody can tell from their records.' })
  unknown!: number;
}

@ObjectType('SimulatedPrincipalChange', { description: 'Changes of calls of one caller.' })
class SimulatedPrincipalChangeType {
  @Field(() => String, { description: 'Stable subject of the caller.' })
  subject!: string;

  @Field(() => Int, { description: 'Allowed now, denied by the draft.' })
  newlyDenied!: number;

  @Field(() => Int, { description: 'Denied now, allowed by the draft.' })
  newlyAllowed!: number;

  @Field(() => Int, { description: 'Nobody can tell from their records.' })
  unknown!: number;
}

@ObjectType('SimulatedDecision', { description: 'What a set of policies makes of a call.' })
class SimulatedDecisionType {
  @Field(() => Boolean, { description: 'Whether the call may go on.' })
  allowed!: boolean;

  @Field(() => DecisionCause, { description: 'Why.' })
  cause!: string;

  @Field(() => NamedPolicyType, { nullable: true, description: 'The policy that decides.' })
  policy!: NamedPolicyType | null;

  @Field(() => String, {
    nullable: true,
    description: 'Why the deciding condition can’t be evaluated; null: it can.',
  })
  error!: string | null;
}

@ObjectType('SimulationSample', { description: 'A call as an example of what changes.' })
class SimulationSampleType {
  @Field(() => SimulatedChange, { description: 'What would change.' })
  change!: string;

  @Field(() => ID, { description: 'The call; entries of the request log show it.' })
  callId!: string;

  @Field(() => DateTime, { description: 'When it was made.' })
  startedAt!: Date;

  @Field(() => String, { description: 'Stable subject of the caller.' })
  subject!: string;

  @Field(() => String, { description: 'Slug of the server; empty: it has been deleted.' })
  server!: string;

  @Field(() => String, { description: 'The method.' })
  method!: string;

  @Field(() => String, { description: 'Tool, prompt or resource; empty: none.' })
  target!: string;

  @Field(() => CallDecision, { description: 'What became of it when it was made.' })
  recorded!: string;

  @Field(() => SimulatedDecisionType, {
    nullable: true,
    description: 'By the policies as they are; null: unknown.',
  })
  before!: SimulatedDecisionType | null;

  @Field(() => SimulatedDecisionType, {
    nullable: true,
    description: 'By the draft; null: unknown.',
  })
  after!: SimulatedDecisionType | null;

  @Field(() => UnknownCause, {
    nullable: true,
    description: 'Why it is unknown; null: it is known.',
  })
  unknown!: string | null;
}

@ObjectType('SimulationReport', {
  description:
    'What a draft would change about recorded calls. Who called, with what and when is as it was recorded; labels of servers, approved tool definitions and readable headers are those of now.',
})
class SimulationReportType {
  @Field(() => SimulationTotalsType, { description: 'What the calls came to.' })
  totals!: SimulationTotalsType;

  @Field(() => DateTime, {
    nullable: true,
    description: 'Receipt of the oldest call that was looked at; null: there was none.',
  })
  reached!: Date | null;

  @Field(() => SimulationCut, {
    nullable: true,
    description: 'Why older calls of the period were left out; null: none were.',
  })
  cut!: string | null;

  @Field(() => Int, { description: 'Milliseconds that it took.' })
  elapsedMs!: number;

  @Field(() => [SimulatedPolicyChangeType], {
    description: 'Policies with the most changes, at most 20.',
  })
  byPolicy!: readonly SimulatedPolicyChangeType[];

  @Field(() => [SimulatedToolChangeType], {
    description: 'Tools, prompts and resources with the most changes, at most 20.',
  })
  byTool!: readonly SimulatedToolChangeType[];

  @Field(() => [SimulatedPrincipalChangeType], {
    description: 'Callers with the most changes, at most 20.',
  })
  byPrincipal!: readonly SimulatedPrincipalChangeType[];

  @Field(() => [SimulationSampleType], {
    description: 'Examples of each kind of change, the newest calls.',
  })
  samples!: readonly SimulationSampleType[];
}

export const SimulatePoliciesPayload = payloadType(
  'SimulatePoliciesPayload',
  'What became of a simulation.',
  { report: { type: () => SimulationReportType, description: 'What would change.' } },
);

export const SimulationEventType = payloadType(
  'SimulationEvent',
  'A simulation’s progress, and at its end the report. A draft that can’t be tried gives one event with `userErrors`.',
  {
    progress: { type: () => SimulationProgressType, description: 'How far it is.' },
    report: {
      type: () => SimulationReportType,
      description: 'What would change; the last event has it.',
    },
  },
);
