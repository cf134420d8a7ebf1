import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerBody, requestId } from './bench-message.ts';

/**
 * The upstream of the bench, a process of its own: it reads a request's body, and answers with a small
 * JSON-RPC result for the same id. It does as little as can be, so that a proxy's share shows. Prints one
 * JSON line with its URL and ends with its standard input.
 */
const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('latin1');
  request.on('data', (chunk: string) => {
    body += chunk;
  });
  request.on('end', () => {
    const id = requestId(body);
    const answer = answerBody(id ?? 'null');
    response.writeHead(id === undefined ? 400 : 200, {
      'content-type': 'application/json',
      'content-length': answer.length,
    });
    response.end(answer);
  });
});
// A connection stays open over the pauses between two rounds.
server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  console.log(JSON.stringify({ url: `http://127.0.0.1:${port}/mcp` }));
});
process.stdin.once('end', () => process.exit(0));
process.stdin.resume();
process.once('SIGTERM', () => process.exit(0));
