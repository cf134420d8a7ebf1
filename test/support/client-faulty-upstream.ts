import { startHttpServer, type UpstreamServer } from './upstream-server.ts';

/** An upstream that misbehaves at every request in the way that the path names. */
export function startFaultyUpstream(): Promise<UpstreamServer> {
  return startHttpServer((request, response) => {
    request.resume();
    switch (request.url) {
      case '/unauthorized':
        response.writeHead(401, { 'www-authenticate': 'Bearer realm="upstream"' }).end();
        break;
      case '/redirecting':
        response.writeHead(307, { location: 'https://elsewhere.example/mcp' }).end();
        break;
      case '/talking-html':
        response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Welcome</h1>');
        break;
      case '/failing':
        response.writeHead(500, { 'content-type': 'text/plain' }).end('Oops');
        break;
      case '/closing':
        request.socket.destroy();
        break;
      default:
        // '/silent': the request is read and never answered.
        break;
    }
  });
}
