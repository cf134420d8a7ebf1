import { once } from 'node:events';
import { Agent, request } from 'node:http';
import type { ReasonCode } from '../../common/reasons.ts';
import type { GraphqlClient, UserError } from '../../quickstart/graphql-client.ts';
import { unwrap } from '../../quickstart/graphql-client.ts';
import { requestBody } from './bench-message.ts';
import type { EnforcementSubject } from './enforcement.ts';
import type { LoadTarget } from './load.ts';

/** Allows and forbids what is called, as an admin does; resolves with the mutation's response. */
export type Allow = (allowed: boolean) => Promise<void>;

/** Calls that an admin forbids and allows again; `close` ends the agents' connections. */
export function switchedCalls(
  target: LoadTarget,
  reason: ReasonCode,
  allow: Allow,
): EnforcementSubject & { close(): void } {
  const agent = new Agent({ keepAlive: true });
  let calls = 0;
  return {
    call: async () => {
      calls += 1;
      const { status, text } = await post(target, agent, requestBody(calls));
      if (text.includes(`"${reason}"`)) return false;
      if (status === 200 && text.includes('"result"')) return true;
      throw new Error(`A call was answered with ${status} ${text}`);
    },
    forbid: () => allow(false),
    permit: () => allow(true),
    close: () => agent.destroy(),
  };
}

interface PolicyPayload {
  readonly policy: { readonly id: string; readonly version: number } | null;
  readonly userErrors: UserError[];
}

/**
 * A policy that denies all calls of a server, switched on and off, among others of its organization that each are
 * about a tool of another name.
 */
export async function policySwitch(
  graphql: GraphqlClient,
  organizationId: string,
  server: string,
  otherPolicies: number,
): Promise<Allow> {
  const create = async (input: object) => {
    const { createPolicy } = await graphql.request<{ createPolicy: PolicyPayload }>(
      `mutation ($input: CreatePolicyInput!) {
         createPolicy(input: $input) { policy { id version } userErrors { path message } }
       }`,
      { input: { organizationId, effect: 'DENY', ...input } },
    );
    return unwrap(createPolicy, createPolicy.policy);
  };
  for (let index = 0; index < otherPolicies; index += 1) {
    await create({ name: `other-${index}`, tools: [`tool-${index}`], condition: 'args.x == 1' });
  }
  let { id, version } = await create({ name: 'switched', servers: [server], enabled: false });
  return async (allowed) => {
    const { updatePolicy } = await graphql.request<{ updatePolicy: PolicyPayload }>(
      `mutation ($input: UpdatePolicyInput!) {
         updatePolicy(input: $input) { policy { id version } userErrors { path message } }
       }`,
      { input: { organizationId, id, version, enabled: !allowed } },
    );
    ({ id, version } = unwrap(updatePolicy, updatePolicy.policy));
  };
}
async function post({ url, apiKey }: LoadTarget, agent: Agent, body: string) {
  const sent = request(url, {
    agent,
    method: 'POST',
    headers: {
      ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'mcp-protocol-version': '2025-11-25',
    },
  });
  sent.end(body);
  const [answer] = await once(sent, 'response');
  let text = '';
  for await (const chunk of answer.setEncoding('utf8')) text += chunk;
  return { status: Number(answer.statusCode), text };
}
