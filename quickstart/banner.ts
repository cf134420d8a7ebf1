import type { QuickstartFile } from './quickstart-file.ts';

/** What the quickstart prints once everything serves: addresses, the key, and two lines to paste. */
export function banner(content: QuickstartFile, file: string, elapsedMs: number): string {
  const urls = Object.values(content.servers);
  const query = `{ organization(slug: \\"${content.organization}\\") { requestLogs(first: 5) { nodes { startedAt method target decision httpStatus totalDurationMs } } } }`;
  return `
The gateway is ready after ${(elapsedMs / 1000).toFixed(1)} s.

  MCP servers behind it   ${urls.join('\n                          ')}
  API key for agents      ${content.apiKey}
  GraphQL                 ${content.graphqlUrl}
  admin                   ${content.adminEmail}  ${content.adminPassword}
  node admin              ${content.nodeAdminUrl}
  all of this in          ${file}

Call a tool, as an agent would:

  npx mcp-inspector --cli ${urls[0]} --transport http --header "Authorization: Bearer ${content.apiKey}" --method tools/call --tool-name echo --tool-arg message=hello

See the call in the request log:

  npm run --silent graphql -- "${query}"

Ctrl-C ends everything in order. The data stays for the next start.
`;
}
