import type {
  CreateMessageResult,
  CreateMessageResultWithTools,
} from '@modelcontextprotocol/server';

/** The text of a sampling result: its content is one block, or several when tools were allowed. */
export function textOf(result: CreateMessageResult | CreateMessageResultWithTools): string {
  const blocks = Array.isArray(result.content) ? result.content : [result.content];
  return blocks.map((block) => (block.type === 'text' ? block.text : '')).join('');
}
