/** A call of a tool by an agent, over legacy Streamable HTTP. */
export interface ToolCall {
  readonly url: string;
  readonly apiKey: string;
  readonly tool: string;
  readonly args: Readonly<Record<string, unknown>>;
}

function resultText(body: string): string {
  const data = body.split('\n').find((line) => line.startsWith('data: {'));
  const message = JSON.parse(data?.slice('data: '.length) ?? body) as {
    result?: { content?: { text?: string }[]; isError?: boolean };
  };
  if (message.result === undefined || message.result.isError === true) throw new Error(body);
  return message.result.content?.map(({ text }) => text ?? '').join('\n') ?? '';
}

/** Opens a session, calls a tool and gives the text that it answers. @throws when anything of it fails. */
export async function callTool({ url, apiKey, tool, args }: ToolCall): Promise<string> {
  const headers: Record<string, string> = {
    authorization: `Bearer ${apiKey}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  };
  const post = async (message: object): Promise<Response> => {
    const body = JSON.stringify({ jsonrpc: '2.0', ...message });
    const response = await fetch(url, {
      method: 'POST',
      headers,
      body,
      signal: AbortSignal.timeout(5_000),
    });
    if (!response.ok) throw new Error(`HTTP ${response.status}: ${await response.text()}`);
    return response;
  };
  const clientInfo = { name: 'test', version: '1' };
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo };
  const opened = await post({ id: 1, method: 'initialize', params });
  await opened.text();
  headers['mcp-session-id'] = opened.headers.get('mcp-session-id') ?? '';
  headers['mcp-protocol-version'] = '2025-11-25';
  await (await post({ method: 'notifications/initialized' })).text();
  const call = { id: 2, method: 'tools/call', params: { name: tool, arguments: args } };
  const text = resultText(await (await post(call)).text());
  await (await fetch(url, { method: 'DELETE', headers })).text();
  return text;
}
