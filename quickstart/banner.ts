import type { QuickstartFile } from './quickstart-file.ts';

/** One line for a shell: logs in, then asks for the latest calls. */
function requestLogCommand({
  graphqlUrl,
  organization,
  adminEmail,
  adminPassword,
}: QuickstartFile) {
  const post = `curl -s ${graphqlUrl} -H 'content-type: application/json'`;
  const login = `mutation{login(email:\\"${adminEmail}\\",password:\\"${adminPassword}\\"){accessToken}}`;
  const token = `$(${post} -d '{"query":"${login}"}' | sed 's/.*"accessToken":"\\([^"]*\\)".*/\\1/')`;
  const query = `{organization(slug:\\"${organization}\\"){requestLogs(first:5,filter:{method:\\"tools/call\\"}){nodes{startedAt method target decision httpStatus totalDurationUs}}}}`;
  return `${post} -H "authorization: Bearer ${token}" -d '{"query":"${query}"}'`;
}

function inspectorCommand({ servers, apiKey }: QuickstartFile): string {
  return `npx mcp-inspector --cli ${servers['everything']} --transport http --header "Authorization: Bearer ${apiKey}" --method tools/call --tool-name echo --tool-arg message=hello`;
}

/** What the quickstart prints once everything serves: addresses, the key, and two lines to paste. */
export function banner(content: QuickstartFile, file: string, elapsedMs: number): string {
  return `
The gateway is ready after ${(elapsedMs / 1000).toFixed(1)} s.

  MCP servers behind it   ${Object.values(content.servers).join('\n                          ')}
  API key for agents      ${content.apiKey}
  GraphQL                 ${content.graphqlUrl}
  admin                   ${content.adminEmail}  ${content.adminPassword}
  node admin              ${content.nodeAdminUrl}
  all of this in          ${file}

Call a tool, as an agent would:

${inspectorCommand(content)}

See the call in the request log:

${requestLogCommand(content)}

Ctrl-C ends everything in order. The data stays for the next start.
`;
}
