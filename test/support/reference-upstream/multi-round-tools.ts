import { randomBytes } from 'node:crypto';
import {
  acceptedContent,
  CLIENT_CAPABILITIES_META_KEY,
  createRequestStateCodec,
  type InputRequest,
  inputRequired,
  inputResponse,
  type McpServer,
  type RequestStateCodec,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import { textForm } from './input-forms.ts';
import { samplingRequest } from './input-tools.ts';
import { textOf } from './sampled-text.ts';

/** What a multi-round tool remembers in the client's hands. */
interface RoundState {
  readonly tool: string;
  readonly round: number;
}

export type RoundCodec = RequestStateCodec<RoundState>;

/** A codec that lives as long as its server process: state of another instance is refused as tampered. */
export function newRoundCodec(): RoundCodec {
  return createRequestStateCodec<RoundState>({ key: randomBytes(32) });
}

const done = (text: string) => ({ content: [{ type: 'text' as const, text }] });

function elicit(message: string, field: string): InputRequest {
  return inputRequired.elicit({ message, requestedSchema: textForm(field, message) });
}

/** Fixtures of SEP-2322: results that ask for input and are retried with it. */
export function registerMultiRoundTools(server: McpServer, codec: RoundCodec): void {
  registerSingleRound(server);
  registerStateful(server, codec);
  server.registerTool(
    'test_input_required_result_multi_round',
    { description: 'Asks in two rounds.' },
    async (context) => {
      const tool = 'test_input_required_result_multi_round';
      const round = context.mcpReq.requestState<RoundState>()?.round ?? 0;
      if (round >= 2) return done('Both rounds are complete.');
      const inputRequests =
        round === 0
          ? { step1: elicit('Step 1: What is your name?', 'name') }
          : { step2: elicit('Step 2: What is your favourite colour?', 'color') };
      const requestState = await codec.mint({ tool, round: round + 1 }, context);
      return inputRequired({ inputRequests, requestState });
    },
  );
  server.registerTool(
    'test_input_required_result_capabilities',
    { description: 'Asks only for what the client declared that it can answer.' },
    (context) => askWithinCapabilities(context),
  );
}

function registerSingleRound(server: McpServer): void {
  server.registerTool(
    'test_input_required_result_elicitation',
    { description: 'Asks for a name.' },
    ({ mcpReq }) => {
      const answer = acceptedContent(mcpReq.inputResponses, 'user_name');
      // A wrong answer is asked for again: what comes back is the client's, not what was asked for.
      if (typeof answer?.['name'] !== 'string') {
        return inputRequired({
          inputRequests: { user_name: elicit('What is your name?', 'name') },
        });
      }
      return done(`Hello, ${answer['name']}!`);
    },
  );
  server.registerTool(
    'test_input_required_result_sampling',
    { description: 'Asks the client’s model.' },
    ({ mcpReq }) => {
      const view = inputResponse(mcpReq.inputResponses, 'capital');
      if (view.kind === 'sampling') return done(`Sampled: ${textOf(view.result)}`);
      const capital = samplingRequest('What is the capital of France?');
      return inputRequired({ inputRequests: { capital } });
    },
  );
  server.registerTool(
    'test_input_required_result_list_roots',
    { description: 'Asks for the client’s roots.' },
    ({ mcpReq }) => {
      const view = inputResponse(mcpReq.inputResponses, 'roots');
      if (view.kind === 'roots') return done(`Roots: ${view.roots.map(({ uri }) => uri).join()}`);
      return inputRequired({ inputRequests: { roots: inputRequired.listRoots() } });
    },
  );
  server.registerTool(
    'test_streaming_elicitation',
    { description: 'Asks in the result, never by a request on the stream.' },
    ({ mcpReq }) => {
      if (acceptedContent(mcpReq.inputResponses, 'answer') !== undefined) return done('Answered.');
      return inputRequired({ inputRequests: { answer: elicit('Answer?', 'answer') } });
    },
  );
  server.registerTool(
    'test_missing_capability',
    { description: 'Needs sampling; the SDK refuses a client that did not declare it.' },
    ({ mcpReq }) => {
      if (inputResponse(mcpReq.inputResponses, 'sample').kind === 'sampling')
        return done('Sampled.');
      return inputRequired({ inputRequests: { sample: samplingRequest('Say ping.') } });
    },
  );
}

function registerStateful(server: McpServer, codec: RoundCodec): void {
  const confirming = [
    ['test_input_required_result_request_state', 'state-ok: the echoed state is ours.'],
    ['test_input_required_result_tampered_state', 'The state was not changed.'],
  ] as const;
  for (const [tool, sentence] of confirming) {
    server.registerTool(tool, { description: 'Asks with sealed state.' }, async (context) => {
      const { inputResponses } = context.mcpReq;
      if (acceptedContent(inputResponses, 'confirm') !== undefined) return done(sentence);
      const confirm = inputRequired.elicit({
        message: 'Proceed?',
        requestedSchema: {
          type: 'object',
          properties: { ok: { type: 'boolean' } },
          required: ['ok'],
        },
      });
      const requestState = await codec.mint({ tool, round: 1 }, context);
      return inputRequired({ inputRequests: { confirm }, requestState });
    });
  }
  const tool = 'test_input_required_result_multiple_inputs';
  server.registerTool(
    tool,
    { description: 'Asks for three kinds of input at once.' },
    async (context) => {
      const keys = ['user_name', 'greeting', 'client_roots'];
      const { inputResponses } = context.mcpReq;
      if (keys.every((key) => inputResponse(inputResponses, key).kind !== 'missing')) {
        return done('All three came.');
      }
      const requestState = await codec.mint({ tool, round: 1 }, context);
      const inputRequests = {
        user_name: elicit('What is your name?', 'name'),
        greeting: samplingRequest('Say hello.'),
        client_roots: inputRequired.listRoots(),
      };
      return inputRequired({ inputRequests, requestState });
    },
  );
}

/** As far as this server asks for something. */
const capabilities = z.object({ elicitation: z.unknown(), sampling: z.unknown() }).partial();

function askWithinCapabilities({ mcpReq }: ServerContext) {
  const { inputResponses } = mcpReq;
  const answered = ['form', 'sample'].some(
    (key) => inputResponse(inputResponses, key).kind !== 'missing',
  );
  if (answered) return done('Answered within the declared capabilities.');
  const envelope: Record<string, unknown> = { ...mcpReq.envelope };
  const declared = capabilities.parse(envelope[CLIENT_CAPABILITIES_META_KEY] ?? {});
  const inputRequests: Record<string, InputRequest> = {};
  if (declared.elicitation !== undefined) inputRequests['form'] = elicit('A value?', 'value');
  if (declared.sampling !== undefined) inputRequests['sample'] = samplingRequest('Say hi.');
  if (Object.keys(inputRequests).length === 0) return done('The client can answer nothing.');
  return inputRequired({ inputRequests });
}
