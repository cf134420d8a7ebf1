import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { afterEach, describe, expect, test } from '@jest/globals';
import { Registry } from 'prom-client';
import { createLogger } from '../../../common/logging.ts';
import { createHttpServer } from '../../../control-plane/graphql/http-server.ts';

const agent = new http.Agent({ keepAlive: true });
afterEach(() => agent.destroy());

describe('HTTP server of the API', () => {
  test('closes as soon as what is in work is answered, on kept-alive connections, too', async () => {
    const server = createHttpServer({
      logger: createLogger('test', 'silent'),
      registry: new Registry(),
      bodyBytesMax: 1024,
      requestTimeoutMs: 30_000,
      isHealthy: () => true,
    });
    const arrived = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<string>();
    server.get('/slow', () => {
      arrived.resolve();
      return answer.promise;
    });
    await server.listen({ host: '127.0.0.1', port: 0 });
    const { port } = server.server.address() as AddressInfo;
    const request = http.get({ host: '127.0.0.1', port, path: '/slow', agent });
    await arrived.promise;

    const closed = server.close();
    while (server.server.listening) await setImmediate();
    answer.resolve('done');
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    response.resume();

    await closed;
    expect(response.statusCode).toBe(200);
  }, 5_000);
});
