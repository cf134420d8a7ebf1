import {
  fromJsonSchema,
  type InputRequest,
  inputRequired,
  inputResponse,
  type McpServer,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { choicesForm, defaultsForm, type FormSchema } from './input-forms.ts';
import { textOf } from './sampled-text.ts';

/**
 * Tools that ask the client while they work. Each is written once, as a multi-round result: a modern
 * client gets `input_required`, and for a legacy session the SDK sends the real
 * `sampling/createMessage` or `elicitation/create` request.
 */
export function registerInputTools(server: McpServer): void {
  server.registerTool(
    'test_sampling',
    {
      description: 'Has the client’s model complete a prompt.',
      inputSchema: fromJsonSchema<{ prompt: string }>({
        type: 'object',
        properties: { prompt: { type: 'string' } },
        required: ['prompt'],
      }),
    },
    ({ prompt }, { mcpReq }) => {
      const view = inputResponse(mcpReq.inputResponses, 'completion');
      if (view.kind !== 'sampling') return ask('completion', samplingRequest(prompt));
      return { content: [{ type: 'text', text: `LLM response: ${textOf(view.result)}` }] };
    },
  );
  server.registerTool(
    'test_elicitation',
    {
      description: 'Asks the user.',
      inputSchema: fromJsonSchema<{ message: string }>({
        type: 'object',
        properties: { message: { type: 'string' } },
        required: ['message'],
      }),
    },
    ({ message }, context) => askForm(context, message, userForm, 'User response'),
  );
  server.registerTool(
    'test_elicitation_sep1034_defaults',
    { description: 'Asks the user with a default for each primitive type.' },
    (context) => askForm(context, 'Please review the defaults.', defaultsForm, formDone),
  );
  server.registerTool(
    'test_elicitation_sep1330_enums',
    { description: 'Asks the user to choose in five ways.' },
    (context) => askForm(context, 'Please choose.', choicesForm, formDone),
  );
  server.registerTool(
    'test_list_roots',
    { description: 'Asks the client for its roots.' },
    ({ mcpReq }) => {
      const view = inputResponse(mcpReq.inputResponses, 'roots');
      if (view.kind !== 'roots') return ask('roots', inputRequired.listRoots());
      const uris = view.roots.map(({ uri }) => uri).join(', ');
      return { content: [{ type: 'text', text: `Roots: ${uris}` }] };
    },
  );
}

const formDone = 'Elicitation completed';

const userForm: FormSchema = {
  type: 'object',
  properties: {
    username: { type: 'string', description: "User's response" },
    email: { type: 'string', description: "User's email address" },
  },
  required: ['username', 'email'],
};

function ask(key: string, request: InputRequest) {
  return inputRequired({ inputRequests: { [key]: request } });
}

/** A request for at most 100 tokens from the client's model. */
export function samplingRequest(prompt: string): InputRequest {
  return inputRequired.createMessage({
    messages: [{ role: 'user', content: { type: 'text', text: prompt } }],
    maxTokens: 100,
  });
}

function askForm(
  { mcpReq }: ServerContext,
  message: string,
  requestedSchema: FormSchema,
  done: string,
) {
  const view = inputResponse(mcpReq.inputResponses, 'form');
  if (view.kind !== 'elicit') {
    return ask('form', inputRequired.elicit({ message, requestedSchema }));
  }
  const content = JSON.stringify(view.content ?? {});
  const text = `${done}: action=${view.action}, content=${content}`;
  return { content: [{ type: 'text' as const, text }] };
}
