import {
  acceptedContent,
  completable,
  type GetPromptResult,
  inputRequired,
  type McpServer,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import { textForm } from './input-forms.ts';
import { pngBase64 } from './media.ts';

type Content = GetPromptResult['messages'][number]['content'];

function promptOf(...contents: Content[]): GetPromptResult {
  return { messages: contents.map((content) => ({ role: 'user', content })) };
}

const text = (value: string): Content => ({ type: 'text', text: value });

/** Prompts: plain, with arguments and completion, with content of each kind, and one that asks first. */
export function registerPrompts(server: McpServer): void {
  server.registerPrompt('test_simple_prompt', { description: 'No arguments.' }, () =>
    promptOf(text('This is a simple prompt for testing.')),
  );
  server.registerPrompt(
    'test_prompt_with_arguments',
    {
      description: 'Two required arguments.',
      argsSchema: z.object({
        arg1: completable(z.string().describe('First test argument'), (value) =>
          ['testAlpha', 'testBeta', 'gamma'].filter((name) => name.startsWith(value)),
        ),
        arg2: z.string().describe('Second test argument'),
      }),
    },
    ({ arg1, arg2 }) => promptOf(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)),
  );
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    {
      description: 'Carries a resource.',
      argsSchema: z.object({ resourceUri: z.string().describe('URI of the resource') }),
    },
    ({ resourceUri }) => {
      const resource = {
        uri: resourceUri,
        mimeType: 'text/plain',
        text: 'Embedded resource content for testing.',
      };
      return promptOf(
        { type: 'resource', resource },
        text('Please process the embedded resource above.'),
      );
    },
  );
  server.registerPrompt('test_prompt_with_image', { description: 'Carries an image.' }, () =>
    promptOf(
      { type: 'image', data: pngBase64, mimeType: 'image/png' },
      text('Please analyze the image above.'),
    ),
  );
  server.registerPrompt(
    'test_input_required_result_prompt',
    { description: 'Asks for context first.' },
    ({ mcpReq }) => {
      const answer = acceptedContent(mcpReq.inputResponses, 'user_context');
      if (typeof answer?.['context'] === 'string') {
        return promptOf(text(`Prompt with context: ${answer['context']}`));
      }
      const message = 'What context should the prompt use?';
      const requestedSchema = textForm('context', message);
      const user_context = inputRequired.elicit({ message, requestedSchema });
      return inputRequired({ inputRequests: { user_context } });
    },
  );
}
