import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import type { ToolRefusalForm } from '../../data-plane/snapshot/snapshot.ts';
import { clients } from '../support/client-providers.ts';
import type { ClientSession, ConnectClient } from '../support/client-session.ts';
import { startReference, type UpstreamProcess } from '../support/client-upstreams.ts';
import { testPolicy } from '../support/policy-call.ts';
import { ProxyHarness } from '../support/proxy-harness.ts';

/** What both SDKs throw. */
const thrown = z.looseObject({
  message: z.string(),
  code: z.union([z.number(), z.string()]).optional(),
  status: z.number().optional(),
  data: z.unknown().optional(),
});

const message =
  'A policy of the organization denies this call: "no-simple-text": Ask the data team.';

/** What a client's user gets to see. */
interface Shown {
  readonly text: string;
  readonly code?: number | string | undefined;
  /** What a program finds in it. */
  readonly reason?: unknown;
  /** The whole JSON-RPC error, where the client shows the HTTP response instead. */
  readonly body?: unknown;
}

const reasonInData = z.looseObject({ reason: z.string() });
const reasonInText = z.looseObject({
  text: z.string().transform((text) => JSON.parse(text) as unknown),
});
const rpcBody = z.object({ error: z.object({ data: reasonInData }) });

function reasonOf(data: unknown): unknown {
  const inData = reasonInData.safeParse(data);
  if (inData.success) return inData.data.reason;
  const inText = reasonInText.safeParse(data);
  return inText.success ? rpcBody.parse(inText.data.text).error.data.reason : undefined;
}

/** SDK 1.32 quotes the body in its message, SDK 2.4 in the error's data. */
function bodyOf(text: string, data: unknown): unknown {
  const inText = reasonInText.safeParse(data);
  if (inText.success) return inText.data.text;
  return text.includes('{') ? (JSON.parse(text.slice(text.indexOf('{'))) as unknown) : undefined;
}

async function shownBy(call: Promise<unknown>): Promise<Shown> {
  try {
    return { text: `no error: ${JSON.stringify(await call)}` };
  } catch (error) {
    const { message: text, code, data } = thrown.parse(error);
    return { text, code, reason: reasonOf(data), body: bodyOf(text, data) };
  }
}

describe('what a client shows of a call that a policy denies', () => {
  let reference: UpstreamProcess;
  let node: ProxyHarness;
  let served = 0;

  beforeAll(async () => {
    reference = await startReference();
    node = await new ProxyHarness().start();
  });

  afterAll(async () => {
    await node.close();
    await reference.stop();
  });

  async function connected(
    connect: ConnectClient,
    toolRefusalForm: ToolRefusalForm,
  ): Promise<ClientSession> {
    const organization = node.snapshot.addOrganization('acme', { toolRefusalForm });
    node.snapshot.setPolicies(organization, [
      testPolicy('no-simple-text', {
        tools: ['test_simple_text'],
        resources: ['test://static-text'],
        prompts: ['test_simple_prompt'],
        message: 'Ask the data team.',
      }),
    ]);
    served += 1;
    const url = node.serve(`server-${served}`, reference.url);
    return connect({ url, apiKey: node.key });
  }

  describe.each(clients)('%s', (_client, connect, era) => {
    test('as a JSON-RPC error: the sentence, the code and the reason', async () => {
      await using session = await connected(connect, 'json-rpc-error');
      const shown = await shownBy(session.call('test_simple_text'));
      expect(shown.text).toContain(message);
      expect(shown).toMatchObject({ code: -31461, reason: 'policy_denied' });
    });

    test('as a tool’s result: the sentence, for the model to read', async () => {
      await using session = await connected(connect, 'tool-result');
      const { text, isError } = await session.call('test_simple_text');
      expect([text, isError]).toEqual([
        `${message} Ask an admin of the organization; the policy is named.`,
        true,
      ]);
    });

    test('as an HTTP status: the answer’s text', async () => {
      await using session = await connected(connect, 'http-status');
      const shown = await shownBy(session.call('test_simple_text'));
      expect(shown.body).toMatchObject({
        error: { code: -31461, message, data: { policy: { name: 'no-simple-text' } } },
      });
      expect(shown.text).toMatch(/^(Streamable HTTP error: )?Error POSTing to endpoint/);
    });

    test.each(['json-rpc-error', 'tool-result'] as const)(
      'as an error of resources and prompts, where the form is %s',
      async (form) => {
        await using session = await connected(connect, form);
        for (const call of [
          () => session.read('test://static-text'),
          () => session.prompt('test_simple_prompt'),
        ]) {
          const shown = await shownBy(call());
          expect(shown.text).toContain(message);
          expect(shown).toMatchObject({ code: -31461, reason: 'policy_denied' });
        }
      },
    );

    test.each(['http-status', 'json-rpc-error', 'tool-result'] as const)(
      'and goes on in its session, where the form is %s',
      async (form) => {
        await using session = await connected(connect, form);
        const id = session.sessionId;
        await session.call('test_simple_text').catch(() => undefined);
        const image = await session.call('test_multiple_content_types');
        expect(image.isError).toBe(false);
        expect([session.era, session.sessionId]).toEqual([era, id]);
        expect(await session.toolNames()).not.toContain('test_simple_text');
      },
    );
  });
});
