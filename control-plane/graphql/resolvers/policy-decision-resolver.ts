import { Arg, Ctx, FieldResolver, Query, Resolver, Root, Subscription } from 'type-graphql';
import type { CallDescription } from '../../policy/call-description.ts';
import { explainDecision } from '../../policy/explain-decision.ts';
import { countShadowDecisions } from '../../policy/shadow-counts.ts';
import type { SimulationEvent, SimulationRequest } from '../../policy/simulation/simulate.ts';
import { SimulationsExhausted } from '../../policy/simulation/simulation-desk.ts';
import type { Organization } from '../../store/entities/organization.ts';
import type { Policy } from '../../store/entities/policy.ts';
import { judge } from '../authorize/guard-schema.ts';
import type { GraphqlContext } from '../context.ts';
import { ApiError } from '../errors.ts';
import { type Subscribing, subscriberOf } from '../subscription/subscriber.ts';
import { OrganizationType } from '../types/organization.ts';
import { PolicyType } from '../types/policy.ts';
import { ExplainDecisionInput, ExplainDecisionPayload } from '../types/policy-decision.ts';
import { DateTime } from '../types/scalars.ts';
import { ShadowSummaryType } from '../types/shadow-counts.ts';
import {
  SimulatePoliciesInput,
  SimulatePoliciesPayload,
  SimulationEventType,
} from '../types/simulation.ts';
import { type PayloadValue, payload } from '../types/user-error.ts';
import { explanationView, reportView } from './decision-view.ts';

/** A simulation reads as many records as a long listing. */
const simulationCost = 1000;
const shadowCost = 100;

/** What is made of records is for who may read them, too. @throws {ApiError} FORBIDDEN */
async function mayReadRecords(context: GraphqlContext, organizationId: string): Promise<void> {
  const principal = await context.principal();
  const verdict = judge(principal, organizationId.toLowerCase(), 'requestLogs.read');
  if (verdict !== 'allowed') throw new ApiError('FORBIDDEN');
}

function requestOf(input: SimulatePoliciesInput): SimulationRequest {
  const { draft, over, samples } = input;
  const organizationId = input.organizationId.toLowerCase();
  return { organizationId, draft: draft as SimulationRequest['draft'], over, samplesMax: samples };
}

/** @throws {ApiError} BUSY */
async function orBusy<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof SimulationsExhausted ? new ApiError('BUSY') : error;
  }
}

function eventView(event: SimulationEvent): PayloadValue {
  if (event.kind === 'report') {
    const { totals, reached, elapsedMs } = event.report;
    const progress = { totals, reached: reached ?? null, elapsedMs };
    return { progress, report: reportView(event.report), userErrors: [] };
  }
  const { totals, reached, elapsedMs } = event.progress;
  return { progress: { totals, reached: reached ?? null, elapsedMs }, userErrors: [] };
}

/** Events as the API shows them, as long as the subscriber may have them. */
async function* simulationEvents(
  context: GraphqlContext,
  input: SimulatePoliciesInput,
): AsyncGenerator<PayloadValue, void, void> {
  const { simulations, now } = context.services;
  const subscriber = await subscriberOf(context, 'simulatePolicies', input.organizationId);
  const begun = await orBusy(simulations.begin(requestOf(input)));
  if (!begun.ok) {
    yield { userErrors: begun.violations };
    return;
  }
  for await (const event of begun.value) {
    if (now() >= subscriber.expiresAtMs()) throw new ApiError('TOKEN_EXPIRED');
    await subscriber.authorize();
    yield eventView(event);
  }
}

@Resolver()
export class PolicyDecisionResolver {
  @Query(() => ExplainDecisionPayload, {
    description:
      'Decides a call that nobody need have made, and says which policy has which part in it.',
  })
  async explainDecision(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => ExplainDecisionInput, { description: 'The call.' })
    input: ExplainDecisionInput,
  ) {
    const { organizationId, ...call } = input;
    const { store, now } = context.services;
    const outcome = await explainDecision(
      store,
      organizationId.toLowerCase(),
      call as CallDescription,
      now(),
    );
    return payload(outcome, (explained) => ({ explanation: explanationView(explained) }));
  }

  @Query(() => SimulatePoliciesPayload, {
    complexity: simulationCost,
    description:
      'Decides recorded calls by the organization’s policies as they are and as a draft has them, by the code that nodes run. What the record doesn’t tell is counted as unknown, never guessed. For more than some ten thousand calls subscribe instead. Needs `requestLogs.read` as well.',
  })
  async simulatePolicies(
    @Ctx() context: GraphqlContext,
    @Arg('input', () => SimulatePoliciesInput, { description: 'What to try, and on which calls.' })
    input: SimulatePoliciesInput,
  ) {
    await mayReadRecords(context, input.organizationId);
    const outcome = await orBusy(context.services.simulations.report(requestOf(input)));
    return payload(outcome, (report) => ({ report: reportView(report) }));
  }

  @Subscription(() => SimulationEventType, {
    name: 'simulatePolicies',
    complexity: simulationCost,
    description:
      'The same as the query, with progress on the way; the last event has the report. It ends when the subscriber leaves. Needs `requestLogs.read` as well.',
    subscribe: async ({
      args,
      context,
    }: Subscribing<{ readonly input: SimulatePoliciesInput }>) => {
      await mayReadRecords(context, args.input.organizationId);
      return simulationEvents(context, args.input);
    },
  })
  simulationEvent(
    @Root() event: PayloadValue,
    @Arg('input', () => SimulatePoliciesInput, { description: 'What to try, and on which calls.' })
    _input: SimulatePoliciesInput,
  ): PayloadValue {
    return event;
  }
}

@Resolver(() => OrganizationType)
export class OrganizationShadowResolver {
  @FieldResolver(() => ShadowSummaryType, {
    complexity: shadowCost,
    description: 'What its policies in shadow mode would have decided otherwise.',
  })
  shadowDecisions(
    @Ctx() context: GraphqlContext,
    @Root() organization: Organization,
    @Arg('since', () => DateTime, { description: 'Records stored from this time on.' }) since: Date,
    @Arg('until', () => DateTime, { description: 'Records stored before this time.' }) until: Date,
  ) {
    const { store } = context.services;
    return countShadowDecisions(store, organization.id, { since, until }, null);
  }
}

@Resolver(() => PolicyType)
export class PolicyShadowResolver {
  @FieldResolver(() => ShadowSummaryType, {
    complexity: shadowCost,
    description:
      'What it would have decided otherwise while it was in shadow mode. Needs `requestLogs.read`.',
  })
  async shadowCounts(
    @Ctx() context: GraphqlContext,
    @Root() policy: Policy,
    @Arg('since', () => DateTime, { description: 'Records stored from this time on.' }) since: Date,
    @Arg('until', () => DateTime, { description: 'Records stored before this time.' }) until: Date,
  ) {
    await mayReadRecords(context, policy.organizationId);
    const { store } = context.services;
    return countShadowDecisions(store, policy.organizationId, { since, until }, policy.id);
  }
}
