import { Field, ID, Int, ObjectType } from 'type-graphql';

const outcomes = {
  wouldDeny: 'Calls that it would have denied.',
  wouldAllow: 'Calls that were denied, and that it would have allowed.',
  wouldFail: 'Calls on which its condition can’t be evaluated: it would have denied them.',
} as const;

@ObjectType('ShadowTotals', { description: 'What would have been decided otherwise.' })
export class ShadowTotalsType {
  @Field(() => Int, { description: outcomes.wouldDeny })
  wouldDeny!: number;

  @Field(() => Int, { description: outcomes.wouldAllow })
  wouldAllow!: number;

  @Field(() => Int, { description: outcomes.wouldFail })
  wouldFail!: number;
}

@ObjectType('PolicyShadowCounts', { description: 'What one policy would have decided otherwise.' })
export class PolicyShadowCountsType extends ShadowTotalsType {
  @Field(() => ID, { description: 'The policy.' })
  policyId!: string;

  @Field(() => String, { nullable: true, description: 'Its name; null: it has been deleted.' })
  policyName!: string | null;
}

@ObjectType('ToolShadowCounts', {
  description: 'What would have been decided otherwise about one tool, prompt or resource.',
})
export class ToolShadowCountsType extends ShadowTotalsType {
  @Field(() => ID, { nullable: true, description: 'The server.' })
  serverId!: string | null;

  @Field(() => String, { nullable: true, description: 'Its slug; null: it has been deleted.' })
  server!: string | null;

  @Field(() => String, { description: 'The method.' })
  method!: string;

  @Field(() => String, { description: 'Tool, prompt or resource; empty: none.' })
  target!: string;
}

@ObjectType('PrincipalShadowCounts', {
  description: 'What would have been decided otherwise about one caller.',
})
export class PrincipalShadowCountsType extends ShadowTotalsType {
  @Field(() => String, { description: 'Stable subject of the caller.' })
  subject!: string;
}

@ObjectType('ShadowSummary', {
  description:
    'What policies in shadow mode would have decided otherwise in a period, by when records were stored. A call counts once for each such policy, a long stream once.',
})
export class ShadowSummaryType {
  @Field(() => ShadowTotalsType, { description: 'All together.' })
  totals!: ShadowTotalsType;

  @Field(() => [PolicyShadowCountsType], { description: 'By policy; the 50 with the most.' })
  byPolicy!: readonly PolicyShadowCountsType[];

  @Field(() => [ToolShadowCountsType], {
    description: 'By tool, prompt or resource; the 50 with the most.',
  })
  byTool!: readonly ToolShadowCountsType[];

  @Field(() => [PrincipalShadowCountsType], { description: 'By caller; the 50 with the most.' })
  byPrincipal!: readonly PrincipalShadowCountsType[];

  @Field(() => Boolean, {
    description: 'The period has more such calls than are counted: these are the newest 200,000.',
  })
  isCut!: boolean;
}
